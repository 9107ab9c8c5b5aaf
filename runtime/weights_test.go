package mlrt

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestWeightsPanels checks the blocked order by hand: lane blocks first, then the
// other axes, then the lanes of a block, padded.
func TestWeightsPanels(t *testing.T) {
	info := &Info{Vars: []VarInfo{{Name: "w", DType: Float32, Shape: []int{3, 2}, Layout: Panels{Width: 2}}}}
	mem := make([]float32, 2*2*2)
	w := &Weights{Info: info, Data: []any{mem}}
	row := []float32{1, 2, 3, 4, 5, 6}
	if err := w.Write(0, row); err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 3, 2, 4, 5, 0, 6, 0}; !slices.Equal(mem, want) {
		t.Errorf("memory %v, want %v", mem, want)
	}
	var file bytes.Buffer
	if err := w.Save(&file); err != nil {
		t.Fatal(err)
	}
	clear(mem)
	if err := w.Load(&file); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 6)
	if err := w.Read(0, got); err != nil || !slices.Equal(got, row) {
		t.Errorf("read %v, error %v, want %v", got, err, row)
	}
	for _, c := range []struct {
		i   int
		dst any
	}{{0, make([]float32, 5)}, {0, make([]float64, 6)}, {0, nil}} {
		if err := w.Read(c.i, c.dst); !errors.Is(err, ErrShape) {
			t.Errorf("reading into %T: error %v, want ErrShape", c.dst, err)
		}
	}
	if err := w.Read(1, got); !errors.Is(err, ErrWeights) {
		t.Errorf("tensor 1: error %v, want ErrWeights", err)
	}
}

// TestWeightsLoadChangesNothing loads files of other models.
func TestWeightsLoadChangesNothing(t *testing.T) {
	info := &Info{Vars: []VarInfo{{Name: "a", DType: Float32, Shape: []int{2}}, {Name: "b", DType: Int32, Shape: []int{1}}}}
	w := &Weights{Info: info, Data: []any{[]float32{1, 2}, []int32{3}}}
	a := Stored{Name: "a", DType: Float32, Shape: []int{2}, Data: []float32{8, 9}}
	for what, list := range map[string][]Stored{
		"no tensor b":    {a},
		"b has 2":        {a, {Name: "b", DType: Int32, Shape: []int{2}, Data: []int32{1, 2}}},
		"b is a float32": {a, {Name: "b", DType: Float32, Shape: []int{1}, Data: []float32{1}}},
	} {
		var file bytes.Buffer
		if err := WriteFile(&file, nil, list); err != nil {
			t.Fatal(err)
		}
		if err := w.Load(&file); !errors.Is(err, ErrWeights) {
			t.Errorf("%s: error %v, want ErrWeights", what, err)
		}
	}
	if got := fmt.Sprint(w.Data); got != "[[1 2] [3]]" {
		t.Errorf("failed loads left %s", got)
	}
}

func TestBindSizes(t *testing.T) {
	f := &FuncInfo{Name: "f", Inputs: []Field{
		{Name: "x", DType: Float32, Shape: []Dim{{Name: "batch"}, {Size: 3}}},
		{Name: "y", DType: Int32, Shape: []Dim{{Name: "batch"}, {Name: "time"}, {Name: "2*time"}}},
	}}
	names := []string{"batch", "time"}
	good := []Tensor{{[]int{2, 3}, make([]float32, 6)}, {[]int{2, 1, 2}, make([]int32, 4)}}
	var dims [2]int
	if err := BindSizes(f, names, good, dims[:]); err != nil || dims != [2]int{2, 1} {
		t.Errorf("sizes %v, error %v, want 2 and 1", dims, err)
	}
	if n := testing.AllocsPerRun(10, func() {
		dims = [2]int{}
		if err := BindSizes(f, names, good, dims[:]); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for want, bad := range map[string]Tensor{
		"input y has size 3 on axis 0, want 2":             {[]int{3, 1, 2}, make([]int32, 6)},
		"input y is float32, want int32":                   {[]int{2, 1, 2}, make([]float32, 4)},
		"input y has 1 axes, want 3":                       {[]int{4}, make([]int32, 4)},
		"input y has 3 elements, want 4":                   {[]int{2, 1, 2}, make([]int32, 3)},
		"the shape of input y does not fit its 4 elements": {[]int{-2, -1, 2}, make([]int32, 4)},
		"the shape of input y does not fit its 5 elements": {[]int{math.MaxInt / 2, 1, 8}, make([]int32, 5)},
		"input y is no slice of elements, want int32":      {},
	} {
		dims = [2]int{}
		err := BindSizes(f, names, []Tensor{good[0], bad}, dims[:])
		if !errors.Is(err, ErrShape) || err.Error() != want && bad.Shape[0] < 4 {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestFirstNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	list := []Watched{
		{Name: "good", Data: []float32{1, 2}},
		{Name: "counts", Data: []int32{1}},
		{Name: "hidden", Line: 7, From: "fc1: linear(128)", Data: []float32{0, 0, inf}},
		{Name: "later", Data: []float32{inf}},
	}
	err := FirstNotFinite("net.ml", inf, list)
	want := "loss is not finite: it is +Inf; the first bad tensor is hidden (net.ml:7  fc1: linear(128)): element 2 is +Inf"
	if !errors.Is(err, ErrNotFinite) || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if err := FirstNotFinite("net.ml", inf, list[:2]); !errors.Is(err, ErrNotFinite) {
		t.Errorf("error %v, want ErrNotFinite", err)
	}
}
