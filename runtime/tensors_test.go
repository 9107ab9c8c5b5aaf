package mlrt

import (
	"reflect"
	"slices"
	"testing"
)

func TestNewWeights(t *testing.T) {
	info := &Info{Vars: []VarInfo{
		{Name: "w", DType: Float32, Shape: []int{5, 3}, Layout: Panels{Width: 4}},
		{Name: "v", DType: Float32, Shape: []int{2, 6, 3}, Layout: Panels{Lane: 2, Width: 2}},
		{Name: "n", DType: Int64, Shape: nil},
		{Name: "state", DType: Float32, Shape: []int{7}},
	}}
	var w, v []float32
	n := []int64{9}
	got := NewWeights(info, []any{&w, &v, &n})
	if len(w) != 2*3*4 || len(v) != 2*2*6*2 || n[0] != 9 || len(got.Data) != 3 {
		t.Errorf("%d and %d elements, n %v, %d tensors", len(w), len(v), n, len(got.Data))
	}
	row := make([]float32, 2*6*3)
	for i := range row {
		row[i] = float32(i)
	}
	if err := got.Write(1, row); err != nil {
		t.Fatal(err)
	}
	// [1, 4, 2] is in block 1 of the lanes, lane 0: ((1*2+1)*6+4)*2+0.
	if v[((1*2+1)*6+4)*2] != row[(1*6+4)*3+2] {
		t.Errorf("memory %v", v)
	}
	var w2, v2 []float32
	var n2 []int64
	other := NewWeights(info, []any{&w2, &v2, &n2})
	other.Copy(&got)
	if !slices.Equal(v, v2) || n2[0] != 9 || &v[0] == &v2[0] {
		t.Errorf("copied %v and %v", v2, n2)
	}
}

func TestVars(t *testing.T) {
	names := func(list []VarInfo) (s []string) {
		for _, v := range list {
			s = append(s, v.Name)
		}
		return s
	}
	params := RepeatVars(1, 2, []VarInfo{{Name: "h.#.w", DType: BFloat16, Shape: []int{2}}, {Name: "h.#.0.b"}})
	if want := []string{"h.1.w", "h.1.0.b", "h.2.w", "h.2.0.b"}; !slices.Equal(names(params), want) {
		t.Errorf("layers %q, want %q", names(params), want)
	}
	states := StateVars("train", 7, params[:1], "m", "v")
	want := VarInfo{Name: "optimizer/train/h.1.w/v", DType: BFloat16, Shape: []int{2}, Kind: Optimizer, Line: 7}
	if len(states) != 2 || !reflect.DeepEqual(states[1], want) {
		t.Errorf("states %v, want the second one %v", states, want)
	}
	if got := Interleave([]any{1, 2}, []any{3, 4}); !slices.Equal(got, []any{1, 3, 2, 4}) {
		t.Errorf("interleaved %v", got)
	}
}
