package op

import (
	"math"
	"math/bits"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Random draws from a counter-based generator (Philox4x32-10), so that a draw
// depends on its key, its place and the step alone, and not on what else is drawn.
//
// The key is the 64-bit FNV-1a hash of Key xor the run's seed. Four elements
// share a block, whose counter is (element index / 4, Draw, iteration of the
// enclosing scan, step). Kind "bits" gives the words (uint32), "uniform" floats
// in [0, 1) of 24 bits, "normal" the standard normal distribution: element 4j
// and 4j+1 come from words 0 and 1 by Box and Muller's transform, 4j+2 and 4j+3
// from words 2 and 3. It has no gradient.
type Random struct {
	Kind  string
	Shape []dim.Dim
	DType dim.DType
	Key   string
	Draw  int
}

// Name returns "random".
func (Random) Name() string { return "random" }

// Infer gives the type of the attributes.
func (r Random) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 0); err != nil {
		return nil, err
	}
	switch {
	case r.Kind != "bits" && r.Kind != "uniform" && r.Kind != "normal":
		return nil, errf("no random numbers of kind %q", r.Kind)
	case r.Kind == "bits" && r.DType != dim.Uint32:
		return nil, errf("random bits are uint32, not %s", r.DType)
	case r.Kind != "bits" && !r.DType.IsFloat():
		return nil, errf("%s random numbers are floats, not %s", r.Kind, r.DType)
	}
	return []ir.Type{{DType: r.DType, Shape: r.Shape}}, nil
}

// keyHash is the 64-bit FNV-1a hash of a key's name.
func keyHash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// The constants of Philox4x32 (Salmon et al. 2011).
const (
	philoxMul0, philoxMul1   = 0xd2511f53, 0xcd9e8d57
	philoxWeyl0, philoxWeyl1 = 0x9e3779b9, 0xbb67ae85
)

// At computes the element's block and takes its word.
func (r Random) At(c *Context, _ []Source, idx []*loop.Expr) []*loop.Expr {
	b := c.B
	i := b.Int(0)
	for a, d := range r.Shape {
		i = b.Add(b.Mul(i, b.Dim(d)), idx[a])
	}
	four := b.Int(4)
	block, lane := b.Bin(loop.FloorDiv, i, four), b.Bin(loop.Mod, i, four)
	h := keyHash(r.Key)
	// Words that differ from draw to draw are arguments, so that draws share a kernel.
	u32 := func(v uint32) *loop.Expr { return c.Scalar(scalar.Num(float64(v)), dim.Uint32) }
	key := [2]*loop.Expr{
		b.Bin(loop.Xor, u32(uint32(h)), c.Word("seed0")),
		b.Bin(loop.Xor, u32(uint32(h>>32)), c.Word("seed1")),
	}
	w := philoxExpr(b, key, [4]*loop.Expr{b.Cast(dim.Uint32, block), u32(uint32(r.Draw)), c.Iteration(), c.Word("step")})
	is := func(k int64) *loop.Expr { return b.Bin(loop.Eq, lane, b.Int(k)) }
	word := b.Select(is(0), w[0], b.Select(is(1), w[1], b.Select(is(2), w[2], w[3])))
	switch r.Kind {
	case "bits":
		return []*loop.Expr{word}
	case "uniform":
		return []*loop.Expr{b.Cast(r.DType, uniformExpr(b, word))}
	}
	low := b.Bin(loop.Lt, lane, b.Int(2))
	first, second := b.Select(low, w[0], w[2]), b.Select(low, w[1], w[3])
	odd := b.Bin(loop.Eq, b.Bin(loop.Mod, lane, b.Int(2)), b.Int(1))
	return []*loop.Expr{b.Cast(r.DType, normalExpr(b, first, second, odd))}
}

// philoxExpr is the ten rounds on loop expressions.
func philoxExpr(b *loop.Builder, key [2]*loop.Expr, ctr [4]*loop.Expr) [4]*loop.Expr {
	u32 := func(v uint32) *loop.Expr { return b.IntOf(dim.Uint32, int64(v)) }
	m0, m1 := u32(philoxMul0), u32(philoxMul1)
	for round := range uint32(10) {
		h0, l0 := b.Bin(loop.MulHi, m0, ctr[0]), b.Bin(loop.Mul, m0, ctr[0])
		h1, l1 := b.Bin(loop.MulHi, m1, ctr[2]), b.Bin(loop.Mul, m1, ctr[2])
		w0, w1 := round, round
		w0 *= philoxWeyl0
		w1 *= philoxWeyl1
		k0, k1 := key[0], key[1]
		if round > 0 {
			k0, k1 = b.Add(k0, u32(w0)), b.Add(k1, u32(w1))
		}
		ctr = [4]*loop.Expr{
			b.Bin(loop.Xor, b.Bin(loop.Xor, h1, ctr[1]), k0), l1,
			b.Bin(loop.Xor, b.Bin(loop.Xor, h0, ctr[3]), k1), l0,
		}
	}
	return ctr
}

// uniformExpr maps a word to [0, 1): its upper 24 bits over 2^24.
func uniformExpr(b *loop.Builder, word *loop.Expr) *loop.Expr {
	high := b.Bin(loop.Shr, word, b.IntOf(dim.Uint32, 8))
	return b.Mul(b.Cast(dim.Float32, b.Cast(dim.Int32, high)), b.F32(0x1p-24))
}

// normalExpr is sqrt(-2 log u) times the cosine, or for odd elements the sine,
// of 2 pi v, with u = 1 - uniform(first) in (0, 1] and v = uniform(second).
func normalExpr(b *loop.Builder, first, second, odd *loop.Expr) *loop.Expr {
	u := b.Sub(b.F32(1), uniformExpr(b, first))
	angle := b.Mul(b.F32(2*math.Pi), uniformExpr(b, second))
	radius := b.Un(loop.Sqrt, b.Mul(b.F32(-2), b.Call(loop.FnByName("log"), u)))
	turn := b.Select(odd, b.Call(loop.FnByName("sin"), angle), b.Call(loop.FnByName("cos"), angle))
	return b.Mul(radius, turn)
}

// Eval draws with Go's integers and package math.
func (r Random) Eval(c *EvalContext, _ []ir.Dense) []ir.Dense {
	out := c.Result(0)
	k := keyHash(r.Key) ^ c.Seed
	for i := range out.Data {
		w := philox([2]uint32{uint32(k), uint32(k >> 32)}, [4]uint32{uint32(i / 4), uint32(r.Draw), uint32(c.Counter), uint32(c.Step)})
		uniform := func(j int) float64 { return float64(w[j]>>8) * 0x1p-24 }
		switch r.Kind {
		case "bits":
			out.Data[i] = float64(w[i%4])
		case "uniform":
			out.Data[i] = uniform(i % 4)
		default:
			pair := i % 4 &^ 1
			radius := math.Sqrt(-2 * math.Log(1-uniform(pair)))
			sin, cos := math.Sincos(2 * math.Pi * uniform(pair+1))
			out.Data[i] = radius * cos
			if i%2 == 1 {
				out.Data[i] = radius * sin
			}
		}
	}
	return []ir.Dense{out}
}

// philox is Philox4x32-10 on plain integers.
func philox(key [2]uint32, ctr [4]uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(philoxMul0, ctr[0])
		h1, l1 := bits.Mul32(philoxMul1, ctr[2])
		ctr = [4]uint32{h1 ^ ctr[1] ^ key[0], l1, h0 ^ ctr[3] ^ key[1], l0}
		key[0] += philoxWeyl0
		key[1] += philoxWeyl1
	}
	return ctr
}
