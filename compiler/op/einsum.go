package op

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Einsum is the contraction of two tensors: Spec "bik,bjk->bij" multiplies
// elements that agree in their letters and sums over the letters that the result
// lacks, in the order in which they first appear. Every letter stands in at
// least two of the three places, each at most once in each.
//
//	da = einsum(dy, b) and db = einsum(dy, a) with the letters exchanged
type Einsum struct{ Spec string }

// Name returns "einsum".
func (Einsum) Name() string { return "einsum" }

// parts splits Spec into the letters of both operands and of the result.
func (e Einsum) parts() (a, b, out string, ok bool) {
	in, out, ok1 := strings.Cut(e.Spec, "->")
	a, b, ok2 := strings.Cut(in, ",")
	return a, b, out, ok1 && ok2
}

// contracted lists the letters summed over, in canonical order.
func (e Einsum) contracted() []byte {
	a, b, out, _ := e.parts()
	var k []byte
	for _, l := range []byte(a + b) {
		if !strings.Contains(out, string(l)) && !slices.Contains(k, l) {
			k = append(k, l)
		}
	}
	return k
}

// Infer matches letters with dimensions; its errors name both sides.
func (e Einsum) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	a, b, out, ok := e.parts()
	if !ok {
		return nil, errf("bad pattern %q, want letters as in \"ik,kj->ij\"", e.Spec)
	}
	if in[0].DType != in[1].DType {
		return nil, errf("element types %s and %s differ; cast one of them", in[0].DType, in[1].DType)
	}
	if !in[0].DType.IsFloat() {
		return nil, errf("contractions work on floats, have %s; cast first", in[0].DType)
	}
	size := map[byte]dim.Dim{}
	for i, letters := range []string{a, b} {
		if len(letters) != len(in[i].Shape) {
			return nil, errf("pattern %q names %d axes for operand %d, which is %s", e.Spec, len(letters), i+1, ShapeString(in[i].Shape))
		}
		for k, l := range []byte(letters) {
			if strings.Count(letters, string(l)) > 1 {
				return nil, errf("pattern %q repeats %q within one operand", e.Spec, l)
			}
			d := in[i].Shape[k]
			if have, ok := size[l]; ok && !have.Equal(d) {
				return nil, errf("%s and %s do not agree: %s in the first operand, %s in the second (pattern %q, letter %q)",
					ShapeString(in[0].Shape), ShapeString(in[1].Shape), have, d, e.Spec, l)
			}
			size[l] = d
		}
	}
	t := ir.Type{DType: in[0].DType}
	for _, l := range []byte(out) {
		d, ok := size[l]
		if !ok || strings.Count(out, string(l)) > 1 {
			return nil, errf("pattern %q: result letter %q is not in the operands, or twice in the result", e.Spec, l)
		}
		t.Shape = append(t.Shape, d)
	}
	for _, l := range []byte(a + b) {
		if strings.Count(a+b+out, string(l)) < 2 {
			return nil, errf("pattern %q: letter %q stands in one place only; sum over that axis first", e.Spec, l)
		}
	}
	return []ir.Type{t}, nil
}

// Grad contracts the adjoint with the other operand.
func (e Einsum) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil, nil}
	}
	x, y, out, _ := e.parts()
	return []*ir.Value{
		b.Emit1(Einsum{out + "," + y + "->" + x}, dy[0], i.Args[1]),
		b.Emit1(Einsum{x + "," + out + "->" + y}, i.Args[0], dy[0]),
	}
}

// Contract reads both operands at the letters' positions.
func (e Einsum) Contract(c *Context, in []Source, out []*loop.Expr) ContractSpec {
	a, b, o, _ := e.parts()
	k := e.contracted()
	var spec ContractSpec
	for _, l := range k {
		d := dim.Dim{}
		if p := strings.IndexByte(a, l); p >= 0 {
			d = c.In[0].Shape[p]
		} else {
			d = c.In[1].Shape[strings.IndexByte(b, l)]
		}
		spec.Axes = append(spec.Axes, &loop.Axis{Name: string(l), Extent: d})
	}
	read := func(src Source, letters string) func([]*loop.Expr) *loop.Expr {
		return func(kk []*loop.Expr) *loop.Expr {
			idx := make([]*loop.Expr, len(letters))
			for i, l := range []byte(letters) {
				if p := strings.IndexByte(o, l); p >= 0 {
					idx[i] = out[p]
				} else {
					idx[i] = kk[slices.Index(k, l)]
				}
			}
			return src(idx)
		}
	}
	spec.A, spec.B = read(in[0], a), read(in[1], b)
	return spec
}

// Eval multiplies and adds over all letters.
func (e Einsum) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	a, b, o, _ := e.parts()
	k := e.contracted()
	out := c.Result(0)
	letters := o + string(k)
	size := make([]int, len(letters))
	for i, l := range []byte(letters) {
		if p := strings.IndexByte(a, l); p >= 0 {
			size[i] = in[0].Shape[p]
		} else {
			size[i] = in[1].Shape[strings.IndexByte(b, l)]
		}
	}
	where := func(s string) []int {
		w := make([]int, len(s))
		for i, l := range []byte(s) {
			w[i] = strings.IndexByte(letters, l)
		}
		return w
	}
	wa, wb := where(a), where(b)
	pick := func(x ir.Dense, w, idx []int) float64 {
		p := 0
		for i, at := range w {
			p = p*x.Shape[i] + idx[at]
		}
		return x.Data[p]
	}
	ir.Each(size, func(idx []int) {
		out.Data[out.Offset(idx[:len(o)])] += pick(in[0], wa, idx) * pick(in[1], wb, idx)
	})
	return []ir.Dense{out}
}
