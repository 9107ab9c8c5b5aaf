package train

import (
	"errors"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

func field(name string, t mlrt.DType, dims ...any) mlrt.Field {
	f := mlrt.Field{Name: name, DType: t}
	for _, d := range dims {
		if n, ok := d.(int); ok {
			f.Shape = append(f.Shape, mlrt.Dim{Size: n})
		} else {
			f.Shape = append(f.Shape, mlrt.Dim{Name: d.(string)})
		}
	}
	return f
}

func TestMatch(t *testing.T) {
	image := Column{Name: "image", DType: mlrt.Uint8, Shape: []int{28, 28}}
	label := Column{Name: "label", DType: mlrt.Int32, Classes: 10}
	number := func(name string, shape ...int) Column {
		return Column{Name: name, DType: mlrt.Float32, Shape: shape}
	}
	for _, c := range []struct {
		name    string
		inputs  []mlrt.Field
		columns []Column
		want    []int // columns
		oneHot  []int
		message string
	}{
		{"by element type", []mlrt.Field{field("x", mlrt.Float32, "batch", 784), field("t", mlrt.Int32, "batch")}, []Column{label, image}, []int{1, 0}, nil, ""},
		{"channels", []mlrt.Field{field("x", mlrt.Float32, "batch", 1, 28, 28)}, []Column{image, label}, []int{0}, nil, ""},
		{"one-hot", []mlrt.Field{field("x", mlrt.Float32, "batch", 784), field("t", mlrt.Float32, "batch", 10)}, []Column{image, label}, []int{0, 1}, []int{0, 10}, ""},
		{"class as number", []mlrt.Field{field("x", mlrt.Float32, "batch", 4), field("t", mlrt.Float32, "batch", 1)},
			[]Column{number("features", 4), {Name: "class", DType: mlrt.Int32, Classes: 2}}, []int{0, 1}, nil, ""},
		{"by name", []mlrt.Field{field("right", mlrt.Float32, "n", 3), field("lefts", mlrt.Float32, "n", 3)},
			[]Column{number("Left", 3), number("right", 3)}, []int{1, 0}, nil, ""},
		{"symbolic time", []mlrt.Field{field("tokens", mlrt.Int32, "batch", "time")}, []Column{{Name: "text", DType: mlrt.Int32, Shape: []int{64}}}, []int{0}, nil, ""},
		{"ambiguous", []mlrt.Field{field("x", mlrt.Float32, "n", 3)}, []Column{number("a", 3), number("b", 3)}, nil, nil, `fits columns "a" and "b"`},
		{"wrong size", []mlrt.Field{field("x", mlrt.Float32, "batch", 100)}, []Column{image, label}, nil, nil, `the model needs x float32[batch, 100]`},
		{"name but not shape", []mlrt.Field{field("image", mlrt.Float32, "batch", 3, 32, 32)}, []Column{image, label}, nil, nil, `uint8[n, 28, 28] cannot feed float32[batch, 3, 32, 32]`},
		{"text needs numbers", []mlrt.Field{field("x", mlrt.Int32, "batch", 3)}, []Column{number("a", 3)}, nil, nil, `no column fits input "x"`},
		{"no batch axis", []mlrt.Field{field("x", mlrt.Float32)}, []Column{number("a")}, nil, nil, `no column fits`},
	} {
		t.Run(c.name, func(t *testing.T) {
			binds, err := match(c.inputs, c.columns)
			if c.message != "" {
				if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), c.message) {
					t.Errorf("error %v does not contain %q", err, c.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var columns []int
			for i, b := range binds {
				columns = append(columns, b.column)
				if c.oneHot != nil && b.oneHot != c.oneHot[i] {
					t.Errorf("input %d: one-hot of %d, want %d", i, b.oneHot, c.oneHot[i])
				}
			}
			if !slices.Equal(columns, c.want) {
				t.Errorf("columns %v, want %v", columns, c.want)
			}
		})
	}
}

func TestOneHot(t *testing.T) {
	dst := []float32{9, 9, 9, 9, 9, 9}
	if err := oneHot(dst, []int32{2, 0}, 3); err != nil || !slices.Equal(dst, []float32{0, 0, 1, 1, 0, 0}) {
		t.Errorf("%v, %v", dst, err)
	}
	if err := oneHot(dst, []int32{3, 0}, 3); !errors.Is(err, ErrLabel) {
		t.Errorf("class 3 of 3: %v", err)
	}
}
