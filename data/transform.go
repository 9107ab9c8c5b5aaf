package data

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Kinds of a table's fields.
const (
	KindNumber   = "number"   // one float
	KindCategory = "category" // a one-hot vector
	KindClass    = "class"    // a class index; only of the target
)

// Field is a column of a table as it was found in the training data.
type Field struct {
	Name       string   `json:"name"`
	Index      int      `json:"index"` // of the column in the file, from 0
	Kind       string   `json:"kind"`
	Categories []string `json:"categories,omitempty"` // of categories and classes, in the order of their codes
	Fill       string   `json:"fill,omitempty"`       // stands for missing values; "" refuses them
}

// width returns the floats that the field takes.
func (f *Field) width() int {
	if f.Kind == KindCategory {
		return len(f.Categories)
	}
	return 1
}

// Table says how a CSV file becomes columns.
type Table struct {
	Header    bool         `json:"header"`
	Separator string       `json:"separator"`
	Width     int          `json:"width"` // fields a row
	Inputs    []TableInput `json:"inputs"`
	Target    *Field       `json:"target,omitempty"`
	DropRows  bool         `json:"drop_rows,omitempty"` // with missing values
	TestShare float64      `json:"test_share,omitempty"`
	SplitSeed uint64       `json:"split_seed,omitempty"`
}

// TableInput is one column of the set: its fields' floats, one after another.
type TableInput struct {
	Name   string  `json:"name"`
	Fields []Field `json:"fields"`
}

// Transform is all that turns a file into what the model was trained on. It is
// made from the training data, stored in checkpoints as JSON, and applied again
// to evaluate and predict.
type Transform struct {
	Table    *Table    `json:"table,omitempty"` // nil: images
	Shape    []int     `json:"shape,omitempty"` // of an image: [height, width] or [channels, height, width]
	Classes  []string  `json:"classes,omitempty"`
	Scalings []Scaling `json:"scalings,omitempty"`
}

// ParseTransform reads a transform back from JSON and checks it.
func ParseTransform(text []byte) (*Transform, error) {
	t := &Transform{}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("%w: preprocessing: %v", ErrData, err)
	}
	for i := range t.Scalings {
		if err := t.Scalings[i].validate(max(len(t.Scalings[i].Mean), len(t.Scalings[i].Std))); err != nil {
			return nil, err
		}
	}
	if t.Table == nil {
		return t, nil
	}
	fields := []*Field{}
	for i := range t.Table.Inputs {
		for j := range t.Table.Inputs[i].Fields {
			fields = append(fields, &t.Table.Inputs[i].Fields[j])
		}
	}
	if t.Table.Target != nil {
		fields = append(fields, t.Table.Target)
	}
	for _, f := range fields {
		known := slices.Contains([]string{KindNumber, KindCategory, KindClass}, f.Kind)
		if !known || f.Index < 0 || f.Index >= t.Table.Width || f.Kind != KindNumber && len(f.Categories) == 0 {
			return nil, fmt.Errorf("%w: preprocessing: field %q is damaged", ErrData, f.Name)
		}
	}
	if len([]rune(t.Table.Separator)) != 1 {
		return nil, fmt.Errorf("%w: preprocessing: separator %q", ErrData, t.Table.Separator)
	}
	return t, nil
}

// JSON returns the transform as JSON text, equal for equal transforms.
func (t *Transform) JSON() ([]byte, error) { return json.Marshal(t) }

// Apply gives a set read from files the preprocessing of the training data.
func (t *Transform) Apply(s *Set) (*Set, error) { return s.Scale(t.Scalings...) }
