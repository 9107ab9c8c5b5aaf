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
	Text      *TextField   `json:"text,omitempty"`
	Window    int          `json:"window,omitempty"`    // above 0: rows of a sample, in a series
	Horizon   int          `json:"horizon,omitempty"`   // how many rows behind its last one a sample's target is
	DropRows  bool         `json:"drop_rows,omitempty"` // with missing values
	TestShare float64      `json:"test_share,omitempty"`
	SplitSeed uint64       `json:"split_seed,omitempty"`
}

// TextField is the field of a table that holds text.
type TextField struct {
	Name  string `json:"name"`
	Index int    `json:"index"` // of the column in the file, from 0
	Text
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
	Table    *Table    `json:"table,omitempty"`
	Text     *Text     `json:"text,omitempty"`    // of running text
	Tags     []string  `json:"tags,omitempty"`    // of words: Text then holds those of sentences
	Audio    *Audio    `json:"audio,omitempty"`   // of recordings
	Tensors  bool      `json:"tensors,omitempty"` // of a file of tensors
	Shape    []int     `json:"shape,omitempty"`   // of an image: [height, width] or [channels, height, width]
	Classes  []string  `json:"classes,omitempty"`
	Scalings []Scaling `json:"scalings,omitempty"`

	// Of running text, files of tensors and folders sorted by class; a table has its own.
	TestShare float64 `json:"test_share,omitempty"`
	SplitSeed uint64  `json:"split_seed,omitempty"`
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
	if err := t.validate(); err != nil {
		return nil, err
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

// validate checks the numbers that memory is reserved by.
func (t *Transform) validate() error {
	text := t.Text
	if t.Table != nil && t.Table.Text != nil {
		text = &t.Table.Text.Text
	}
	const most = 1 << 24
	switch {
	case t.Tags != nil && t.Text == nil:
		return fmt.Errorf("%w: preprocessing: tags without words", ErrData)
	case text != nil && (text.Context < 1 || text.Context > most || len(text.Vocabulary) == 0):
		return fmt.Errorf("%w: preprocessing: the vocabulary is damaged", ErrData)
	case t.Audio != nil && (t.Audio.Rate < 1 || t.Audio.Rate > maxRate || t.Audio.Mels < 1 || t.Audio.Mels > most || t.Audio.Frames < 1 || t.Audio.Frames > most):
		return fmt.Errorf("%w: preprocessing: the frames of recordings are damaged", ErrData)
	case t.Table != nil && (t.Table.Window < 0 || t.Table.Window > most || t.Table.Horizon < 0 || t.Table.Horizon > most):
		return fmt.Errorf("%w: preprocessing: the window of a series is damaged", ErrData)
	case t.Table != nil && t.Table.Text != nil && (t.Table.Text.Index < 0 || t.Table.Text.Index >= t.Table.Width):
		return fmt.Errorf("%w: preprocessing: field %q is damaged", ErrData, t.Table.Text.Name)
	}
	return nil
}

// JSON returns the transform as JSON text, equal for equal transforms.
func (t *Transform) JSON() ([]byte, error) { return json.Marshal(t) }

// Apply gives a set read from files the preprocessing of the training data.
func (t *Transform) Apply(s *Set) (*Set, error) { return s.Scale(t.Scalings...) }
