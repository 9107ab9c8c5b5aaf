package main

import (
	"slices"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

func TestImageShape(t *testing.T) {
	batch := mlrt.Dim{Name: "batch"}
	field := func(dims ...int) []mlrt.Field {
		f := mlrt.Field{DType: mlrt.Float32, Shape: []mlrt.Dim{batch}}
		for _, d := range dims {
			f.Shape = append(f.Shape, mlrt.Dim{Size: d})
		}
		return []mlrt.Field{f}
	}
	for _, c := range []struct {
		in   []mlrt.Field
		want []int
	}{
		{field(784), []int{1, 28, 28}}, {field(3, 32, 32), []int{3, 32, 32}}, {field(28, 28), []int{1, 28, 28}}, {field(13), nil}, {field(5, 8, 8), nil},
	} {
		got, ok := imageShape(c.in)
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v, want %v", c.in, got, ok, c.want)
		}
	}
}
