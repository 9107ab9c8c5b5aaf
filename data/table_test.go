package data

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// table writes a CSV file and returns its path.
func table(t testing.TB, text string) string {
	t.Helper()
	return filepath.Join(write(t, map[string][]byte{"t.csv": []byte(text)}), "t.csv")
}

// floats reads a whole float column.
func floats(t testing.TB, s *Set, column string) []float64 {
	t.Helper()
	c := s.Find(column)
	if c < 0 {
		t.Fatalf("no column %q", column)
	}
	samples := make([]int, s.Len())
	for i := range samples {
		samples[i] = i
	}
	v := make([]float64, s.Len()*s.columns[c].size)
	if err := s.Read(c, samples, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTableForms(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          Options
		features   []float64
		target     []float64
		classes    []string
	}{
		{"header and text classes", "a,b,kind\n1,2,x\n3,4.5,y\n", Options{}, []float64{1, 2, 3, 4.5}, []float64{0, 1}, []string{"x", "y"}},
		{"no header", "1,2,0\n3,4,1\n", Options{}, []float64{1, 2, 3, 4}, []float64{0, 1}, []string{"0", "1"}},
		{"numeric target", "1,24.5\n2,21\n", Options{}, []float64{1, 2}, []float64{24.5, 21}, nil},
		{"whole numbers with a gap are no classes", "1,3\n2,5\n", Options{}, []float64{1, 2}, []float64{3, 5}, nil},
		{"unless told", "1,3\n2,5\n", Options{TargetKind: KindClass}, []float64{1, 2}, []float64{0, 1}, []string{"3", "5"}},
		{"classes as numbers if told", "1,0\n2,1\n", Options{TargetKind: KindNumber}, []float64{1, 2}, []float64{0, 1}, nil},
		{"categories become one-hot", "M,1,5.5\nF,2,7\nM,3,8\n", Options{}, []float64{0, 1, 1, 1, 0, 2, 0, 1, 3}, []float64{5.5, 7, 8}, nil},
		{"codes as categories", "10,1,5.5\n9,2,7\n", Options{Categorical: []string{"1"}}, []float64{0, 1, 1, 1, 0, 2}, []float64{5.5, 7}, nil},
		{"target by name", "y,a\n1.5,3\n2.5,4\n", Options{Target: "y"}, []float64{3, 4}, []float64{1.5, 2.5}, nil},
		{"target by number, dropped columns", "y,id,a\n1.5,100,3\n2.5,101,4\n", Options{Target: "1", Drop: []string{"id"}}, []float64{3, 4}, []float64{1.5, 2.5}, nil},
		{"target from the end", "1.5,7,x\n2.5,8,y\n", Options{Target: "-3", Drop: []string{"-1"}}, []float64{7, 8}, []float64{1.5, 2.5}, nil},
		{"semicolons, blanks, quotes, byte order mark", "\ufeff\"a\"; \"b\";y\n 1 ;2;\"p;q\"\n3;4;r\n", Options{}, []float64{1, 2, 3, 4}, []float64{0, 1}, []string{"p;q", "r"}},
		{"tabs", "spam\t1\nham\t2\n", Options{Target: "1"}, []float64{1, 2}, []float64{1, 0}, []string{"ham", "spam"}},
		{"a header that looks like data, told", "1,2\n3,4.5\n5,6\n", Options{Header: "yes"}, []float64{3, 5}, []float64{4.5, 6}, nil},
		{"a header told away", "x,y\nz,w\n", Options{Header: "no"}, []float64{1, 0, 0, 1}, []float64{1, 0}, []string{"w", "y"}},
		{"means for missing numbers, the commonest for categories", "1,a,0.5\n?,a,0.6\n3,,0.7\n5,b,0.8\n", Options{Missing: "impute"},
			[]float64{1, 1, 0, 3, 1, 0, 3, 1, 0, 5, 0, 1}, []float64{0.5, 0.6, 0.7, 0.8}, nil},
		{"rows with missing values dropped", "1,0.5\nNaN,0.6\n3,\n5,0.8\n", Options{Missing: "drop"}, []float64{1, 5}, []float64{0.5, 0.8}, nil},
	} {
		c.o.Scale = "none"
		src, err := Open(table(t, c.text), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := floats(t, src.Train, FeatureColumn); !slices.Equal(got, c.features) {
			t.Errorf("%s: features %v, want %v", c.name, got, c.features)
		}
		if got := floats(t, src.Train, TargetColumn); !slices.Equal(got, c.target) {
			t.Errorf("%s: target %v, want %v", c.name, got, c.target)
		}
		if got := src.Train.Columns()[1].ClassNames; !slices.Equal(got, c.classes) {
			t.Errorf("%s: classes %q, want %q", c.name, got, c.classes)
		}
	}
}

func TestTableErrors(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"empty", "", Options{}, "no rows"},
		{"header only", "a,b\n", Options{Header: "yes"}, "no rows behind the header"},
		{"ragged", "1,2\n3,4\n5\n", Options{}, "line 3: 1 fields, the lines before have 2"},
		{"quote", "1,\"2\n3,4\n", Options{}, "\""},
		{"missing", "1,2.5\n,3.5\n", Options{}, `line 2, column "1": the value is missing`},
		{"NaN", "1,2.5\nNaN,3.5\n", Options{}, `line 2, column "1": the value is missing ("NaN")`},
		{"infinite", "1,2.5\n3,4\nInf,3.5\n", Options{}, `line 3, column "1": "Inf" is not a finite number`},
		{"text among numbers", "a,y\n1,2.5\n2,3\noops,3.5\n", Options{}, `line 4, column "a": "oops"`},
		{"too large", "1,2.5\n1e999,3\n3,4\n", Options{}, "1e999"},
		{"unknown target", "a,b\n1,2.5\n2,2\n", Options{Target: "z"}, `no column "z", there are "a", "b"`},
		{"column beyond", "1,2.5\n", Options{Target: "3"}, "no column 3, there are 2"},
		{"name without header", "1,2.5\n", Options{Target: "y"}, "no header"},
		{"unknown drop", "1,2.5\n", Options{Drop: []string{"9"}}, "no column 9"},
		{"only a target", "1\n2\n", Options{}, "no columns besides"},
		{"one class", "1,x\n2,x\n", Options{}, "one class only"},
		{"no values", "?,1.5\n?,2\n", Options{}, "no values"},
		{"same name", "a,a,y\n1,2,3.5\n", Options{Header: "yes"}, "both called"},
		{"not text", "\xff\xfe\x00,1\n", Options{}, "UTF-8"},
		{"bad option", "1,2.5\n", Options{Missing: "maybe"}, "refuse, impute, drop"},
		{"bad share", "1,2.5\n", Options{TestShare: 1}, "between 0 and 1"},
		{"NaN share", "1,2.5\n", Options{TestShare: math.NaN()}, "between 0 and 1"},
		{"all dropped", "1,\n,2.5\n", Options{Missing: "drop", TargetKind: KindNumber}, "every row has a missing value"},
		{"empty group", "1,2.5\n", Options{Inputs: []Group{{Name: "x"}}}, "no fields"},
	} {
		if _, err := Open(table(t, c.text), c.o); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// rows makes a table of n rows: a running number, its square, a letter, a class.
func rows(n int) string {
	var b strings.Builder
	b.WriteString("i,square,letter,y\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,%d,%c,%s\n", i, i*i, "pqr"[i%3], []string{"no", "yes"}[i%2])
	}
	return b.String()
}

// TestTableSplit checks that the split depends on each row alone.
func TestTableSplit(t *testing.T) {
	o := Options{TestShare: 0.25, Scale: "none"}
	side := func(text string, o Options) map[float64]bool {
		src, err := Open(table(t, text), o)
		if err != nil {
			t.Fatal(err)
		}
		m := map[float64]bool{}
		for k, s := range []*Set{src.Train, src.Tests} {
			v := floats(t, s, FeatureColumn)
			for i := 0; i < len(v); i += 5 {
				m[v[i]] = k == 1
			}
		}
		return m
	}
	all := side(rows(800), o)
	tests := 0
	for _, test := range all {
		if test {
			tests++
		}
	}
	// 800 draws at 1/4: 200, four standard deviations of 12.2.
	if len(all) != 800 || tests < 151 || tests > 249 {
		t.Errorf("%d rows, %d of them tests", len(all), tests)
	}
	for i, test := range side(rows(300), o) {
		if all[i] != test {
			t.Errorf("row %v changes sides when others leave", i)
		}
	}
	o.SplitSeed = 1
	moved := 0
	for i, test := range side(rows(800), o) {
		if all[i] != test {
			moved++
		}
	}
	if moved < 200 || moved > 400 { // 2 * 1/4 * 3/4 of 800 is 300
		t.Errorf("another seed moves %d of 800 rows", moved)
	}
}

// TestTableStandardise checks mean and variance of the training rows, and that
// the stored transform gives the same numbers for tests, other files and rows.
func TestTableStandardise(t *testing.T) {
	path := table(t, rows(500))
	src, err := Open(path, Options{TestShare: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	v, n := floats(t, src.Train, FeatureColumn), float64(src.Train.Len())
	for j := range 5 {
		var sum, square float64
		for i := j; i < len(v); i += 5 {
			sum += v[i]
			square += v[i] * v[i]
		}
		if j < 2 && (math.Abs(sum/n) > 1e-12 || math.Abs(square/n-1) > 1e-12) {
			t.Errorf("field %d: mean %v, mean square %v", j, sum/n, square/n)
		}
		if j >= 2 && sum != square { // one-hot: zeros and ones
			t.Errorf("one-hot field %d was scaled", j)
		}
	}
	text, err := src.Transform.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseTransform(text)
	if err != nil || !reflect.DeepEqual(again, src.Transform) {
		t.Fatalf("transform read back: %+v, %v", again, err)
	}
	back, err := again.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(floats(t, back.Tests, FeatureColumn), floats(t, src.Tests, FeatureColumn)) || back.Train.Len() != src.Train.Len() {
		t.Error("the stored transform reads other test rows")
	}
	whole, err := again.Open(path, true)
	if err != nil || whole.Tests.Len() != 500 || whole.Train != nil {
		t.Fatalf("whole file: %v", err)
	}
	want := floats(t, whole.Tests, FeatureColumn)[:10]
	for _, in := range []string{"0,0,p,no\n1,1,q,yes\n", "0,0,p\n1,1,q\n", "i,square,letter\n0,0,p\n1,1,q\n"} {
		s, err := again.Rows(strings.NewReader(in), "stdin")
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got := floats(t, s, FeatureColumn); !slices.Equal(got, want) || len(s.Columns()) != 1 {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
	for in, want := range map[string]string{"0,0,z\n": `category "z" is unknown`, "0,0\n": "expected 4 or 3", "0,?,p\n": "missing", "": "no rows"} {
		if _, err := again.Rows(strings.NewReader(in), "stdin"); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", in, err, want)
		}
	}
	if _, err := again.Open(table(t, "i,square,letter,y\n1,2,p,maybe\n"), true); err == nil || !strings.Contains(err.Error(), `label "maybe" is unknown`) {
		t.Errorf("unknown label: %v", err)
	}
	if _, err := again.Open(filepath.Dir(path), true); err == nil || !strings.Contains(err.Error(), "trained on a table") {
		t.Errorf("folder for a table: %v", err)
	}
}

func TestTableInputs(t *testing.T) {
	test := table(t, "9,8,7,6.5\n")
	src, err := Open(table(t, "1,2,3,4.5\n5,6,7,8.5\n"), Options{Scale: "none", TestFile: test,
		Inputs: []Group{{"left", []string{"3", "1"}}, {"right", []string{"2"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if l, r := floats(t, src.Train, "left"), floats(t, src.Train, "right"); !slices.Equal(l, []float64{3, 1, 7, 5}) || !slices.Equal(r, []float64{2, 6}) {
		t.Errorf("left %v, right %v", l, r)
	}
	if v := floats(t, src.Tests, "left"); !slices.Equal(v, []float64{7, 9}) {
		t.Errorf("left of the test file %v", v)
	}
	if err := os.WriteFile(test, []byte("1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Transform.Open(test, true); err == nil || !strings.Contains(err.Error(), "2 fields a row, the training data had 4") {
		t.Errorf("narrow file: %v", err)
	}
}

func TestParseTransformDamage(t *testing.T) {
	for _, text := range []string{"", "{", `{"table":{"width":2,"separator":",","inputs":[{"fields":[{"index":2,"kind":"number"}]}]}}`,
		`{"table":{"width":2,"separator":"","inputs":[]}}`, `{"table":{"width":2,"separator":",","target":{"index":0,"kind":"class"}}}`,
		`{"scalings":[{"column":"x","std":[0]}]}`, `{"scalings":[{"column":"x","mean":[1,2],"std":[1,2,3]}]}`} {
		if _, err := ParseTransform([]byte(text)); !errors.Is(err, ErrData) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add("a,b\n1,2\n3,4\n")
	f.Add("1;x\n?;y\n")
	f.Fuzz(func(t *testing.T, text string) {
		raw, _, err := readTable(bytes.NewReader([]byte(text)), "f", 0, "")
		if err != nil {
			return
		}
		o := Options{Missing: "impute"}
		plan, err := fit(raw, &o, raw.all())
		if err != nil {
			return
		}
		s, err := raw.set(plan, raw.all(), true)
		if err == nil && s.Len() != len(raw.rows) {
			t.Errorf("%d samples of %d rows", s.Len(), len(raw.rows))
		}
	})
}

func TestBatches(t *testing.T) {
	n := 10
	x, y := make([]float32, 2*n), make([]int32, n)
	for i := range n {
		x[2*i], x[2*i+1], y[i] = float32(i), float32(-i), int32(i%3)
	}
	columns := []Column{{Name: "x", DType: mlrt.Float32, Shape: []int{2}}, {Name: "y", DType: mlrt.Int32, Classes: 3}}
	s, err := NewSet("memory", columns, []any{x, y})
	if err != nil {
		t.Fatal(err)
	}
	order := func(seed uint64, epoch int) []int {
		var got []int
		for b, err := range s.Batches(4, seed, epoch) {
			if err != nil {
				t.Fatal(err)
			}
			xs, ys := b.Values[0].([]float32), b.Values[1].([]int32)
			if len(xs) != 2*b.Samples || len(ys) != b.Samples {
				t.Fatalf("%d samples, %d and %d values", b.Samples, len(xs), len(ys))
			}
			for i := range b.Samples {
				if xs[2*i+1] != -xs[2*i] || int32(xs[2*i])%3 != ys[i] {
					t.Fatalf("sample torn: %v %v", xs[2*i:2*i+2], ys[i])
				}
				got = append(got, int(xs[2*i]))
			}
		}
		return got
	}
	if got := order(0, -1); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("own order %v", got)
	}
	want := make([]int, n)
	mlrt.Shuffle(want, 5, 2)
	if got := order(5, 2); !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	for _, err := range s.Batches(0, 1, 1) {
		if !errors.Is(err, mlrt.ErrShape) {
			t.Errorf("batch size 0: %v", err)
		}
	}
	// A selection keeps the order asked for and reads through to the values.
	part := s.Select([]int{7, 1}).Select([]int{1, 0, 0})
	var ys [3]int32
	if err := part.Read(1, []int{0, 1, 2}, ys[:]); err != nil || ys != [3]int32{1, 1, 1} || part.Len() != 3 {
		t.Errorf("selection %v, %v", ys, err)
	}
	if part.Fingerprint() == s.Fingerprint() || s.Fingerprint() != s.Select([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).Fingerprint() {
		t.Error("fingerprints do not follow the samples")
	}
	copied, err := Collect("copy", columns, s.Batches(3, 0, -1))
	if err != nil || copied.Fingerprint() != s.Fingerprint() {
		t.Errorf("collected set differs: %v", err)
	}
	columns[0].Shape = []int{3}
	if _, err := Collect("copy", columns, s.Batches(3, 0, -1)); !errors.Is(err, mlrt.ErrShape) {
		t.Errorf("wrong shape collected: %v", err)
	}
}

func TestNewSetErrors(t *testing.T) {
	nan := math.NaN()
	for want, c := range map[string]struct {
		columns []Column
		values  []any
	}{
		"sample 1: the value is NaN":    {[]Column{{Name: "x", DType: mlrt.Float64}}, []any{[]float64{1, nan}}},
		"sample 0: the value is -Inf":   {[]Column{{Name: "x", DType: mlrt.Float32, Shape: []int{2}}}, []any{[]float32{1, float32(math.Inf(-1))}}},
		"sample 2: label 3 out of":      {[]Column{{Name: "y", DType: mlrt.Int32, Classes: 3}}, []any{[]int32{0, 1, 3}}},
		"sample 0: label -1 out of":     {[]Column{{Name: "y", DType: mlrt.Int32, Classes: 3}}, []any{[]int32{-1}}},
		"3 values of float32":           {[]Column{{Name: "x", DType: mlrt.Float32, Shape: []int{2}}}, []any{[]float32{1, 2, 3}}},
		"1 values of float64":           {[]Column{{Name: "x", DType: mlrt.Float32}}, []any{[]float64{1}}},
		`"b" has 2 samples, column "a"`: {[]Column{{Name: "a", DType: mlrt.Uint8}, {Name: "b", DType: mlrt.Uint8}}, []any{[]uint8{1}, []uint8{1, 2}}},
	} {
		if _, err := NewSet("m", c.columns, c.values); !errors.Is(err, ErrData) || !strings.Contains(strings.ReplaceAll(err.Error(), "[]", ""), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestScaleImages compares the table of prepared bytes with the definition.
func TestScaleImages(t *testing.T) {
	pixels := make([]uint8, 6*256)
	for i := range pixels {
		pixels[i] = uint8(i * 11)
	}
	s, err := NewSet("m", []Column{{Name: ImageColumn, DType: mlrt.Uint8, Shape: []int{3, 2}}}, []any{pixels})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Standardise(ImageColumn, 255, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Scaling{p, {Column: ImageColumn, Divide: 255}, {Column: ImageColumn, Mean: []float64{33.3}, Std: []float64{78.6}}} {
		q, err := s.Scale(p)
		if err != nil {
			t.Fatal(err)
		}
		var got [6]float32
		for k := range 256 {
			if err := q.Read(0, []int{k}, got[:]); err != nil {
				t.Fatal(err)
			}
			for j, v := range got {
				x := float64(pixels[6*k+j])
				if p.Divide != 0 {
					x /= p.Divide
				}
				if n := len(p.Mean); n > 0 {
					x = (x - p.Mean[j%n]) / p.Std[j%n]
				}
				if v != float32(x) {
					t.Fatalf("pixel %d of image %d = %v, want %v", j, k, v, float32(x))
				}
			}
		}
		if err := q.Read(0, []int{0}, make([]float32, 5)); !errors.Is(err, mlrt.ErrShape) {
			t.Errorf("short destination: %v", err)
		}
	}
	if _, err := s.Scale(Scaling{Column: "x"}); !errors.Is(err, ErrData) {
		t.Errorf("unknown column: %v", err)
	}
	if _, err := s.Scale(Scaling{Column: ImageColumn, Mean: make([]float64, 5)}); !errors.Is(err, ErrData) {
		t.Errorf("wrong number of means: %v", err)
	}
}
