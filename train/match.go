package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// The kinds of errors about data, for errors.Is.
var (
	// ErrMismatch: the columns of the data do not fit the model's inputs.
	ErrMismatch = errors.New("the data does not fit the model")
	// ErrLabel: a class index is negative or too large.
	ErrLabel = errors.New("label out of range")
)

// bind says what feeds an input.
type bind struct {
	kind    feedKind
	name    string // of the input
	column  int
	dtype   mlrt.DType
	shape   []int     // of one sample, as the input has it
	oneHot  int       // above 0: class indices become vectors of this length
	weights []float32 // of each class
}

// fit says how well a column suits an input; smaller is better.
type fit int

const (
	fitExact  fit = iota // numbers to numbers, class indices to integers
	fitOneHot            // class indices to one-hot vectors
	fitNumber            // class indices as numbers, small integers as tokens
	fitNone
)

// match finds a column for each input: by name first (letter case and a plural
// s do not count), then by element type and number of elements. An input whose
// best column is not unique, or that has none, is an error that tells what the
// model needs and what the data has.
func match(inputs []mlrt.Field, columns []Column) ([]bind, error) {
	binds := make([]bind, len(inputs))
	used := make([]bool, len(columns))
	done := make([]bool, len(inputs))
	for i, in := range inputs {
		for c, col := range columns {
			if used[c] || !sameName(in.Name, col.Name) {
				continue
			}
			b, f := suit(in, col)
			if f == fitNone {
				return nil, mismatch(inputs, columns, "input %q and column %q have the same name, but %s cannot feed %s", in.Name, col.Name, describe(col), Describe(in))
			}
			b.column = c
			binds[i], used[c], done[i] = b, true, true
		}
	}
	for level := fitExact; level < fitNone; level++ {
		for i, in := range inputs {
			if done[i] {
				continue
			}
			var found []int
			for c, col := range columns {
				if _, f := suit(in, col); !used[c] && f == level {
					found = append(found, c)
				}
			}
			switch {
			case len(found) == 1:
				binds[i], _ = suit(in, columns[found[0]])
				binds[i].column = found[0]
				used[found[0]], done[i] = true, true
			case len(found) > 1 && level == fitExact:
				return nil, mismatch(inputs, columns, "input %q fits columns %q and %q alike: give one of them the input's name", in.Name, columns[found[0]].Name, columns[found[1]].Name)
			}
		}
	}
	if i := slices.Index(done, false); i >= 0 {
		return nil, mismatch(inputs, columns, "no column fits input %q", inputs[i].Name)
	}
	return binds, nil
}

// Fits reports whether data with these columns can feed the inputs; the error
// says why not and wraps ErrMismatch.
func Fits(inputs []mlrt.Field, columns []Column) error {
	_, err := match(inputs, columns)
	return err
}

func mismatch(inputs []mlrt.Field, columns []Column, format string, args ...any) error {
	needs := make([]string, len(inputs))
	for i, in := range inputs {
		needs[i] = in.Name + " " + Describe(in)
	}
	has := make([]string, len(columns))
	for i, c := range columns {
		has[i] = c.Name + " " + describe(c)
	}
	return fmt.Errorf("%w: %s\nthe model needs %s\nthe data has %s%s", ErrMismatch,
		fmt.Sprintf(format, args...), strings.Join(needs, ", "), strings.Join(has, ", "), advice(inputs, columns))
}

// advice says what would make an input and a column fit that nearly do.
func advice(inputs []mlrt.Field, columns []Column) string {
	text := ""
	for _, in := range inputs {
		for _, col := range columns {
			if _, f := suit(in, col); f != fitNone {
				continue
			}
			n, rank := elements(col.Shape), len(in.Shape)
			switch {
			case !isFloat(in.DType) && isFloat(col.DType) && n == 1 && rank == 1:
				text += fmt.Sprintf("\nhelp: column %s holds numbers; with the target kind class (--target-kind class) its values become classes", col.Name)
			case isFloat(in.DType) && isFloat(col.DType) && n > 1 && len(col.Shape) == 1 && rank == 2 && in.Shape[1].Name == "":
				text += fmt.Sprintf("\nhelp: %s could be %s[%s, %d], or fewer columns of the table be used (--drop, --columns)", in.Name, in.DType, in.Shape[0].Name, n)
			}
		}
	}
	return text
}

func sameName(a, b string) bool {
	singular := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), "s") }
	return singular(a) == singular(b)
}

// Describe returns an input's element type and shape, such as "float32[batch, 784]".
func Describe(f mlrt.Field) string {
	dims := make([]string, len(f.Shape))
	for i, d := range f.Shape {
		dims[i] = d.Name
		if d.Name == "" {
			dims[i] = fmt.Sprint(d.Size)
		}
	}
	return f.DType.String() + "[" + strings.Join(dims, ", ") + "]"
}

// describe returns a column's element type, shape and number of classes.
func describe(c Column) string {
	dims := []string{"n"}
	for _, d := range c.Shape {
		dims = append(dims, fmt.Sprint(d))
	}
	text := c.DType.String() + "[" + strings.Join(dims, ", ") + "]"
	if c.Classes > 0 {
		text += fmt.Sprintf(" of %d classes", c.Classes)
	}
	return text
}

// suit decides whether and how a column feeds an input.
func suit(in mlrt.Field, col Column) (bind, fit) {
	b := bind{dtype: in.DType}
	if len(in.Shape) == 0 {
		return b, fitNone
	}
	shape, ok := sampleShape(in.Shape[1:], col.Shape)
	b.shape = shape
	float := in.DType == mlrt.Float32 || in.DType == mlrt.Float64
	if float && col.Classes > 0 && elements(col.Shape) == 1 {
		if fixed, known := fixedShape(in.Shape[1:]); known && elements(fixed) == col.Classes && col.Classes > 1 {
			b.shape, b.oneHot = fixed, col.Classes
			return b, fitOneHot
		}
	}
	if !ok {
		return b, fitNone
	}
	numbers := col.Classes == 0
	switch {
	case in.DType == mlrt.BFloat16 || in.DType == mlrt.Float16:
		return b, fitNone
	case float && numbers:
		return b, fitExact
	case float:
		return b, fitNumber
	case isFloat(col.DType):
		return b, fitNone
	case numbers && col.DType == mlrt.Uint8 && in.DType != mlrt.Uint8:
		return b, fitNumber
	}
	return b, fitExact
}

func isFloat(d mlrt.DType) bool {
	switch d {
	case mlrt.Float32, mlrt.Float64, mlrt.BFloat16, mlrt.Float16:
		return true
	}
	return false
}

// fixedShape returns the sizes of dims when none is symbolic.
func fixedShape(dims []mlrt.Dim) ([]int, bool) {
	shape := make([]int, len(dims))
	for i, d := range dims {
		if d.Name != "" {
			return nil, false
		}
		shape[i] = d.Size
	}
	return shape, true
}

// sampleShape gives the shape that a sample of the column takes in the input:
// the same number of elements when all sizes are fixed, else the column's own
// shape where the fixed sizes agree.
func sampleShape(dims []mlrt.Dim, have []int) ([]int, bool) {
	if fixed, ok := fixedShape(dims); ok {
		return fixed, elements(fixed) == elements(have)
	}
	if len(dims) != len(have) {
		return nil, false
	}
	sizes := map[string]int{}
	for i, d := range dims {
		if d.Name == "" {
			if d.Size != have[i] {
				return nil, false
			}
			continue
		}
		if n, ok := sizes[d.Name]; ok && n != have[i] {
			return nil, false
		}
		sizes[d.Name] = have[i]
	}
	return have, true
}

// oneHot writes a row of classes elements for each index: 1 at the index, 0
// elsewhere.
func oneHot(dst any, indices []int32, classes int) error {
	for i, k := range indices {
		if k < 0 || int(k) >= classes {
			return fmt.Errorf("%w: class %d of %d", ErrLabel, k, classes)
		}
		switch d := dst.(type) {
		case []float32:
			row := d[i*classes : (i+1)*classes]
			clear(row)
			row[k] = 1
		case []float64:
			row := d[i*classes : (i+1)*classes]
			clear(row)
			row[k] = 1
		}
	}
	return nil
}
