package codegen

import (
	"slices"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// scaled is a kernel that computes y[j, i] = x[j, i] op factor.
type scaled struct {
	rows, cols int64
	op         loop.Op
	factor     float64
	typ        dim.DType
	layout     *loop.Layout
	shift      int64 // of x's rows
}

func (s scaled) kernel() *loop.Kernel {
	b := loop.NewBuilder()
	j, i := &loop.Axis{Name: "j", Extent: dim.Sym("batch").Mul(dim.Const(s.rows))}, &loop.Axis{Name: "i", Extent: dim.Const(s.cols)}
	x := &loop.Param{Name: "x", DType: s.typ, Shape: []dim.Dim{j.Extent.Add(dim.Const(s.shift)), i.Extent}, Read: true}
	y := &loop.Param{Name: "y", DType: s.typ, Shape: []dim.Dim{j.Extent, i.Extent}, Layout: s.layout, Write: true}
	v := b.Bin(s.op, b.Load(x, b.Bin(loop.Add, b.Axis(j), b.Int(s.shift)), b.Axis(i)), b.Float(s.typ, s.factor))
	return &loop.Kernel{
		Name: "k", Params: []*loop.Param{x, y}, Dims: []string{"batch"}, Space: []*loop.Axis{j, i},
		Phases: []*loop.Phase{{Kind: loop.Map, Stores: []*loop.Store{{Param: y, Index: []*loop.Expr{b.Axis(j), b.Axis(i)}, Value: v}}}},
	}
}

// TestFamilies plans a kernel with others that differ in one way.
func TestFamilies(t *testing.T) {
	base := scaled{rows: 300, cols: 40, op: loop.Mul, factor: 2.5, typ: dim.Float32, shift: 2}
	for _, c := range []struct {
		what   string
		change func(*scaled)
		sizes  []string // that they share a function with; nil: they do not
	}{
		{"columns", func(s *scaled) { s.cols = 60 }, []string{"iSize int"}},
		{"rows", func(s *scaled) { s.rows = 7 }, []string{"jSize int"}},
		{"rows that go with columns", func(s *scaled) { s.rows, s.cols = 30, 4 }, []string{"jSize int", "iSize int"}},
		{"a shift", func(s *scaled) { s.shift = 3 }, []string{"xDim0 int"}},
		{"a factor", func(s *scaled) { s.factor = 3 }, []string{"factor float32"}},
		{"a factor of 1", func(s *scaled) { s.factor = 1 }, nil},
		{"a single column", func(s *scaled) { s.cols = 1 }, nil},
		{"no shift", func(s *scaled) { s.shift = 0 }, nil},
		{"another sign", func(s *scaled) { s.shift = -2 }, nil},
		{"another operation", func(s *scaled) { s.op = loop.Add }, nil},
		{"another type", func(s *scaled) { s.typ = dim.Float64 }, nil},
		{"panels", func(s *scaled) { s.layout = &loop.Layout{Lane: 1, Width: 32, Rest: []int{0}} }, nil},
	} {
		other := base
		c.change(&other)
		first, second := base.kernel(), other.kernel()
		plans := planKernels([]*loop.Kernel{first, second}, map[*loop.Kernel]string{first: "first", second: "second"})
		var sizes []string
		if plans[first] == plans[second] {
			for i, s := range plans[first].sizes {
				if s.name == "chunk" {
					continue
				}
				sizes = append(sizes, s.name+" "+s.typ)
				if a, b := plans[first].values[first][i], plans[first].values[second][i]; a.isInt && a.number == b.number {
					t.Errorf("%s: %s is %d for both", c.what, s.name, a.number)
				}
			}
		}
		if !slices.Equal(sizes, c.sizes) {
			t.Errorf("%s: the sizes are %q, want %q", c.what, sizes, c.sizes)
		}
	}
}

// TestTileSizes compares what kernels are printed for with the runtime's memory.
func TestTileSizes(t *testing.T) {
	var tile mlrt.Tile
	if 2*len(tile.Rows) != tileRows || 4*len(tile.Sums[0]) != tileCols || len(tile.Rows[0]) != tileDepth || len(tile.Cols) != tileDepth {
		t.Errorf("the runtime has tiles of %d x %d outputs and pieces of %d products", 2*len(tile.Rows), 4*len(tile.Sums[0]), len(tile.Cols))
	}
}

// TestFoldPhilox builds the rounds from a counter, and again with one wrong key: only
// the first are Philox.
func TestFoldPhilox(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		b := loop.NewBuilder()
		u32 := func(v uint32) *loop.Expr { return b.IntOf(dim.Uint32, int64(v)) }
		i := &loop.Axis{Name: "i", Extent: dim.Const(8)}
		k := &loop.Kernel{Name: "k", Space: []*loop.Axis{i}}
		for _, n := range []string{"key0", "key1", "step"} {
			k.Scalars = append(k.Scalars, &loop.ScalarParam{Name: n, DType: dim.Uint32})
		}
		key := [2]*loop.Expr{b.Arg(k.Scalars[0]), b.Arg(k.Scalars[1])}
		w := [4]*loop.Expr{b.Cast(dim.Uint32, b.Axis(i)), b.Arg(k.Scalars[2]), u32(0), u32(7)}
		mix := func(high, word, key *loop.Expr) *loop.Expr { return b.Bin(loop.Xor, b.Bin(loop.Xor, high, word), key) }
		for r := range uint32(10) {
			k0, k1 := key[0], key[1]
			if r > 0 {
				k0, k1 = b.Add(k0, u32(r*philoxWeyl0)), b.Add(k1, u32(r*philoxWeyl1))
			}
			if wrong && r == 4 {
				k0 = b.Add(key[0], u32(1))
			}
			m0, m1 := u32(philoxMul0), u32(philoxMul1)
			w = [4]*loop.Expr{
				mix(b.Bin(loop.MulHi, m1, w[2]), w[1], k0), b.Bin(loop.Mul, m1, w[2]),
				mix(b.Bin(loop.MulHi, m0, w[0]), w[3], k1), b.Bin(loop.Mul, m0, w[0]),
			}
		}
		for _, word := range w {
			y := &loop.Param{Name: "y", DType: dim.Uint32, Shape: []dim.Dim{i.Extent}, Write: true}
			k.Params = append(k.Params, y)
			k.Phases = append(k.Phases, &loop.Phase{Kind: loop.Map, Stores: []*loop.Store{{Param: y, Index: []*loop.Expr{b.Axis(i)}, Value: word}}})
		}
		for n, ph := range foldPhilox(k).Phases {
			v := ph.Stores[0].Value
			folded := v.Op == loop.CallFn && v.Fn == fnWord && v.Args[1].Bits == uint64(n) && v.Args[0].Fn == fnPhilox
			if folded == wrong {
				t.Errorf("word %d: folded %v with a wrong key %v", n, folded, wrong)
			}
		}
	}
}
