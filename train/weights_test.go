package train

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// foreign returns a weights file that another program wrote.
func foreign(t *testing.T, tensors ...mlrt.Stored) *Weights {
	t.Helper()
	var b bytes.Buffer
	if err := mlrt.WriteFile(&b, nil, tensors); err != nil {
		t.Fatal(err)
	}
	f, err := mlrt.ReadFile(&b)
	if err != nil {
		t.Fatal(err)
	}
	return &Weights{Name: "other.safetensors", File: f}
}

// floats is a tensor that counts: its elements are first, first+1 and so on.
func floats(name string, first float32, shape ...int) mlrt.Stored {
	data := make([]float32, elements(shape))
	for i := range data {
		data[i] = first + float32(i)
	}
	return mlrt.Stored{Name: name, DType: mlrt.Float32, Shape: shape, Data: data}
}

func TestWeightMapRules(t *testing.T) {
	for _, c := range []struct {
		rules, name string
		shape       []int
		want        []string // name, and the positions in the source that it holds
		at          [][]int
	}{
		{"model.*=*", "model.a.b", []int{2}, []string{"a.b"}, [][]int{{0, 1}}},
		{"model.*=*", "head.b", []int{2}, []string{"head.b"}, [][]int{{0, 1}}},
		{"layer1.*.bn*.*=stage.0.*.norm*.*", "layer1.0.bn2.weight", []int{1}, []string{"stage.0.0.norm2.weight"}, [][]int{{0}}},
		{`/h\.(\d+)\.(.*)/ = layers.$1.$2`, "h.11.w", []int{1}, []string{"layers.11.w"}, [][]int{{0}}},
		{"# first\n\n  a = b\n*=-", "a", []int{1}, []string{"b"}, [][]int{{0}}},
		{"a=b\n*=-", "c", []int{1}, nil, nil},
		{"w = w | transpose", "w", []int{2, 3}, []string{"w"}, [][]int{{0, 3, 1, 4, 2, 5}}},
		{"w = w | transpose(2, 0, 1)", "w", []int{2, 1, 3}, []string{"w"}, [][]int{{0, 3, 1, 4, 2, 5}}},
		{"*.qkv = *.q, *.k | split(0)", "h.qkv", []int{4, 2}, []string{"h.q", "h.k"}, [][]int{{0, 1, 2, 3}, {4, 5, 6, 7}}},
		{"w = a, b | split(1, 1, 2)", "w", []int{2, 3}, []string{"a", "b"}, [][]int{{0, 3}, {1, 2, 4, 5}}},
		{"w = a, b | transpose | split(0, 1, 2)", "w", []int{2, 3}, []string{"a", "b"}, [][]int{{0, 3}, {1, 4, 2, 5}}},
	} {
		m, err := ParseWeightMap(c.rules)
		if err != nil {
			t.Fatalf("%q: %v", c.rules, err)
		}
		views, err := m.views(0, c.name, c.shape)
		if err != nil {
			t.Fatalf("%q: %v", c.rules, err)
		}
		source := make([]int, elements(c.shape))
		for i := range source {
			source[i] = i
		}
		var names []string
		for i, v := range views {
			names = append(names, v.name)
			if have := take(&v, source); i < len(c.at) && !slices.Equal(have, c.at[i]) {
				t.Errorf("%q: %s holds elements %v, want %v", c.rules, v.name, have, c.at[i])
			}
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%q turns %s into %q, want %q", c.rules, c.name, names, c.want)
		}
	}
}

func TestWeightMapRefuses(t *testing.T) {
	for _, bad := range []string{"a", "=b", "a=", "a=b,c", "a=*", "a=b | turn", "a=b | transpose(0,0)", "a=b | split", "/(/=b",
		"a=b,c | split(0,1)", "a=b,c | split(0) | transpose", "a=b | split(0", "a=b | split(x)"} {
		if _, err := ParseWeightMap("x=y\n" + bad); !errors.Is(err, ErrWeightMap) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for rules, shape := range map[string][]int{"w=w | transpose(1,0)": {2}, "w=a,b | split(1)": {2}, "w=a,b | split(0)": {3}} {
		m, err := ParseWeightMap(rules)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.views(0, "w", shape); !errors.Is(err, ErrWeightMap) || !strings.Contains(err.Error(), `"w"`) {
			t.Errorf("%q on %v: %v", rules, shape, err)
		}
	}
}

// TestLoadForeign loads a file with other names, a turned matrix, a fused one and
// 16-bit floats into the fake model: fc.weight [2, 3] and fc.bias [2].
func TestLoadForeign(t *testing.T) {
	f := newFake(3, 2)
	half := mlrt.Stored{Name: "model.bias", DType: mlrt.BFloat16, Shape: []int{2}, Data: []uint16{0x3fc0, 0xc000}} // 1.5 and -2
	w := foreign(t, floats("model.kernel", 0, 3, 2), half, floats("model.steps", 9, 1))
	rules, err := ParseWeightMap("model.kernel = fc.weight | transpose\nmodel.steps=-\nmodel.*=fc.*")
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.Load(f, LoadOptions{Map: rules})
	if err != nil || report.Loaded != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	if !slices.Equal(f.vars[0], []float32{0, 2, 4, 1, 3, 5}) || !slices.Equal(f.vars[1], []float32{1.5, -2}) {
		t.Errorf("weight %v, bias %v", f.vars[0], f.vars[1])
	}
	list, _, err := w.Convert(f.info, LoadOptions{Map: rules})
	if err != nil || len(list) != 2 || list[0].Name != "fc.weight" || list[1].DType != mlrt.Float32 {
		t.Errorf("converted to %+v, %v", list, err)
	}
}

// TestLoadRounds: 16-bit tensors take the nearest value.
func TestLoadRounds(t *testing.T) {
	for _, c := range []struct {
		t    mlrt.DType
		want uint16
	}{{mlrt.BFloat16, 0x3f80}, {mlrt.Float16, 0x3c01}} { // 1 + 2^-10 keeps its last bit in float16 alone
		s := mlrt.Stored{Name: "a", DType: mlrt.Float64, Shape: []int{1}, Data: []float64{1 + 0x1p-10}}
		list, _, err := foreign(t, s).Convert(&mlrt.Info{Vars: []mlrt.VarInfo{{Name: "a", DType: c.t, Shape: []int{1}}}}, LoadOptions{})
		if err != nil || !slices.Equal(list[0].Data.([]uint16), []uint16{c.want}) {
			t.Errorf("%v: %+v, %v", c.t, list, err)
		}
	}
}

func TestLoadNamesFirstDifference(t *testing.T) {
	weight, bias := floats("fc.weight", 0, 2, 3), floats("fc.bias", 0, 2)
	ints := mlrt.Stored{Name: "fc.bias", DType: mlrt.Int32, Shape: []int{2}, Data: []int32{1, 2}}
	for name, c := range map[string]struct {
		file    []mlrt.Stored
		rules   string
		partial bool
		want    []string
	}{
		"missing":            {[]mlrt.Stored{weight}, "", false, []string{`no tensor "fc.bias"`}},
		"missing, renamed":   {[]mlrt.Stored{weight, floats("fc.b", 0, 2)}, "", false, []string{`no tensor "fc.bias"`, "[2], it has fc.b", "--map"}},
		"unexpected":         {[]mlrt.Stored{weight, bias, floats("extra", 0, 1)}, "", false, []string{`a tensor "extra"`, "--partial"}},
		"shape":              {[]mlrt.Stored{floats("fc.weight", 0, 2, 4), bias}, "", true, []string{`"fc.weight"`, "[2 4]", "[2 3]"}},
		"turned":             {[]mlrt.Stored{floats("fc.weight", 0, 3, 2), bias}, "", false, []string{"| transpose"}},
		"element type":       {[]mlrt.Stored{weight, ints}, "", false, []string{`"fc.bias"`, "int32", "float32"}},
		"nothing in common":  {[]mlrt.Stored{floats("a", 0, 1)}, "", true, []string{"no tensor of other.safetensors", "fc.weight"}},
		"two become one":     {[]mlrt.Stored{floats("a", 0, 2), floats("b", 0, 2), weight}, "a=fc.bias\nb=fc.bias", false, []string{`"a" and "b" both become "fc.bias"`}},
		"split of odd parts": {[]mlrt.Stored{floats("a", 0, 3), weight}, "a=fc.bias,c | split(0)", false, []string{`"a"`, "3"}},
	} {
		rules, err := ParseWeightMap(c.rules)
		if err != nil {
			t.Fatal(err)
		}
		f := newFake(3, 2)
		_, err = foreign(t, c.file...).Load(f, LoadOptions{Map: rules, Partial: c.partial})
		if !errors.Is(err, ErrWeightsMismatch) && !errors.Is(err, ErrWeightMap) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %v", name, want, err)
			}
		}
		if slices.ContainsFunc(weights(f), func(u uint32) bool { return u != 0 }) {
			t.Errorf("%s: the refused file changed weights", name)
		}
	}
}

// TestLoadPartial: what fits is loaded and the rest reported; a renamed tensor
// takes the place of one that has its name already, as an average takes that of
// the parameter.
func TestLoadPartial(t *testing.T) {
	f := newFake(3, 2)
	w := foreign(t, floats("fc.weight", 0, 2, 3), floats("optimizer/train/fc.weight/ema", 10, 2, 3), floats("extra", 0, 1))
	rules, err := ParseWeightMap("optimizer/train/*/ema=*")
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.Load(f, LoadOptions{Map: rules, Partial: true})
	if err != nil {
		t.Fatal(err)
	}
	if report.Loaded != 1 || !slices.Equal(report.Missing, []string{"fc.bias"}) || !slices.Equal(report.Unexpected, []string{"extra"}) {
		t.Errorf("%+v", report)
	}
	if f.vars[0][0] != 10 {
		t.Errorf("weight %v, want the average", f.vars[0])
	}
}
