package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// windowWords are convolutions and windows. Sizes of one number count for every
// spatial axis; padding is a number, a list, or a list of pairs (before, after).
func windowWords() []intrinsic {
	conv := func() []formal {
		f := required("x", "weight")
		for _, n := range []string{"stride", "padding", "dilation", "groups"} {
			def := integer(1)
			if n == "padding" {
				def = integer(0)
			}
			f = with(f, n, def)
		}
		return f
	}
	return []intrinsic{
		{name: "convolution", doc: "cross-correlation of x [n, c, spatial...] with weight [o, c/groups, kernel...]", formals: conv(), apply: convolution},
		{name: "convolution_transpose", doc: "the adjoint of convolution by its input: x [n, c, spatial...], weight [c, o/groups, kernel...]",
			formals: with(conv(), "output_padding", integer(0)), apply: convolutionTranspose},
		{name: "unfold", doc: "windows over the last axes: [..., spatial...] becomes [..., out..., kernel...]; padding reads value",
			formals: with(with(with(with(with(required("x", "kernel"), "stride", integer(1)), "padding", integer(0)), "dilation", integer(1)), "value", integer(0)), "ceil_mode", boolean(false)),
			apply:   unfoldWord},
	}
}

// paddings reads argument i as the amounts before and after n axes.
func (c *invocation) paddings(i, n int, reach []int) (low, high []int) {
	if t, ok := c.args[i].v.(text); ok && t == "same" && reach != nil {
		for _, r := range reach { // what is left over goes to the end
			low, high = append(low, r/2), append(high, r-r/2)
		}
		return low, high
	}
	if t, ok := c.args[i].v.(text); ok && t == "valid" && reach != nil {
		return make([]int, n), make([]int, n)
	}
	items, ok := c.args[i].v.(list)
	if ok && len(items) == n {
		if _, pairs := items[0].(list); pairs {
			for _, p := range items {
				sub := *c
				sub.args = append([]argument{}, c.args...)
				sub.args[i].v = p
				two := sub.ints(i, 2)
				c.ok = c.ok && sub.ok
				low, high = append(low, two[0]), append(high, two[1])
			}
			return low, high
		}
	}
	low = c.ints(i, n)
	return low, append([]int{}, low...)
}

// atLeast requires sizes of argument i to be at least a number.
func (c *invocation) atLeast(i int, sizes []int, least int) {
	for _, n := range sizes {
		if n < least && c.ok {
			c.fail(diag.ArgumentRange, c.args[i].at, "%s of %s is at least %d, and this is %d", c.in.formals[i].name, c.in.name, least, n)
		}
	}
}

func (c *invocation) convAttributes(kernel []dim.Dim) op.Conv {
	n := len(kernel)
	v := op.Conv{Stride: c.ints(2, n), Dilation: c.ints(4, n), Groups: c.int(5)}
	reach := make([]int, n)
	for i, k := range kernel {
		size, _ := k.Int()
		reach[i] = v.Dilation[i] * (int(size) - 1)
		if t, same := c.args[3].v.(text); same && t == "same" && v.Stride[i] != 1 {
			c.fail(diag.ArgumentRange, c.args[3].at, "padding \"same\" needs stride 1")
		}
	}
	v.Low, v.High = c.paddings(3, n, reach)
	c.atLeast(2, v.Stride, 1)
	c.atLeast(3, v.Low, 0)
	c.atLeast(3, v.High, 0)
	c.atLeast(4, v.Dilation, 1)
	c.atLeast(5, []int{v.Groups}, 1)
	return v
}

func convolution(c *invocation) value {
	x, w := c.tensor(0), c.tensor(1)
	if x == nil || w == nil {
		return bad{}
	}
	n := len(x.Type.Shape) - 2
	if n < 1 || n > 3 || len(w.Type.Shape) != n+2 {
		c.e.origins(c.fail(diag.RankMismatch, c.at, "a convolution takes x [n, c, spatial...] and weight [o, c, kernel...]"), x, w)
		return bad{}
	}
	v := c.convAttributes(w.Type.Shape[2:])
	if c.ok {
		for i := range n {
			if k, ok := w.Type.Shape[2+i].Int(); ok {
				c.reaches(x.Type.Shape[2+i], v.Dilation[i]*(int(k)-1)+1-v.Low[i]-v.High[i])
			}
		}
	}
	return c.result(c.emit(v, x, w))
}

// reaches requires an axis to hold a window of a size, less its padding.
func (c *invocation) reaches(extent dim.Dim, size int) {
	if size > 0 {
		c.atMost(dim.Const(int64(size)), extent)
	}
}

func convolutionTranspose(c *invocation) value {
	x, w := c.tensor(0), c.tensor(1)
	if x == nil || w == nil {
		return bad{}
	}
	n := len(x.Type.Shape) - 2
	if n < 1 || n > 3 || len(w.Type.Shape) != n+2 {
		c.e.origins(c.fail(diag.RankMismatch, c.at, "a transposed convolution takes x [n, c, spatial...] and weight [c, o, kernel...]"), x, w)
		return bad{}
	}
	v := c.convAttributes(w.Type.Shape[2:])
	extra := c.ints(6, n)
	if !c.ok {
		return bad{}
	}
	g := op.ConvInputGrad{Stride: v.Stride, Low: v.Low, High: v.High, Dilation: v.Dilation, Groups: v.Groups}
	for i := range n {
		k := w.Type.Shape[2+i]
		// (in - 1) stride - low - high + dilation (kernel - 1) + output_padding + 1
		d := x.Type.Shape[2+i].Sub(dim.Const(1)).Mul(dim.Const(int64(v.Stride[i])))
		d = d.Add(k.Sub(dim.Const(1)).Mul(dim.Const(int64(v.Dilation[i]))))
		d = d.Add(dim.Const(int64(extra[i] + 1 - v.Low[i] - v.High[i])))
		g.Size = append(g.Size, d)
	}
	return c.result(c.emit(g, x, w))
}

func unfoldWord(c *invocation) value {
	x := c.tensor(0)
	if x == nil {
		return bad{}
	}
	n := 1
	if l, ok := c.v(1).(list); ok {
		n = len(l)
	}
	u := op.Unfold{Kernel: c.ints(1, n), Stride: c.ints(2, n), Dilation: c.ints(4, n), Value: c.float(5)}
	u.Low, u.High = c.paddings(3, n, nil)
	c.atLeast(1, u.Kernel, 1)
	c.atLeast(2, u.Stride, 1)
	c.atLeast(3, u.Low, 0)
	c.atLeast(4, u.Dilation, 1)
	if !c.ok {
		return bad{}
	}
	if len(x.Type.Shape) < n {
		c.e.origins(c.fail(diag.RankMismatch, c.at, "windows over %d axes of a tensor with %s", n, countDims(len(x.Type.Shape))), x)
		return bad{}
	}
	if c.bool(6) {
		c.ceilMode(&u, x.Type.Shape[len(x.Type.Shape)-n:])
	}
	for i := range n {
		c.reaches(x.Type.Shape[len(x.Type.Shape)-n+i], u.Dilation[i]*(u.Kernel[i]-1)+1-u.Low[i]-u.High[i])
	}
	return c.result(c.emit(u, x))
}

// ceilMode adds padding at the end so that a last, partial window counts, as
// PyTorch's ceil_mode does: the window must start inside the input or the left
// padding.
func (c *invocation) ceilMode(u *op.Unfold, shape []dim.Dim) {
	for i, d := range shape {
		n, ok := d.Int()
		if !ok {
			c.fail(diag.ArgumentKind, c.at, "ceil_mode needs a known size, and axis %d has %s", i, d)
			return
		}
		in, k, s := int(n), u.Dilation[i]*(u.Kernel[i]-1)+1, u.Stride[i]
		span := in + u.Low[i] + u.High[i] - k
		out := (span+s-1)/s + 1
		if (out-1)*s >= in+u.Low[i] {
			out--
		}
		u.High[i] += max(0, (out-1)*s+k-in-u.Low[i]-u.High[i])
	}
}
