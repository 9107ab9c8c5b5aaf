package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
)

// Scan runs Body once for each index t of a time axis of extent Length, from the
// last with Reverse. Its arguments are Xs tensors with time as axis 0, then the
// initial values of Carries carried tensors, then captured tensors, which stay
// the same. Body's parameters are the slices at t, the carries and the captured
// tensors; its results are the values to stack, then the new carries. Scan's
// results are the stacked values, time as axis 0, then the last carries.
//
// A random draw in Body depends on t, not on the direction.
//
//	the gradient is a scan in the other direction; see Grad
type Scan struct {
	Body        *ir.Func
	Xs, Carries int
	Reverse     bool
	Length      dim.Dim
}

// Name returns "scan".
func (Scan) Name() string { return "scan" }

// Bodies returns the body.
func (s Scan) Bodies() []*ir.Func { return []*ir.Func{s.Body} }

// WithBodies returns the scan of another body.
func (s Scan) WithBodies(f []*ir.Func) ir.Op {
	s.Body = f[0]
	return s
}

// Yields is the number of stacked results.
func (s Scan) Yields() int { return len(s.Body.Results) - s.Carries }

// Infer requires the body to fit the arguments and its carries to keep their types.
func (s Scan) Infer(in []ir.Type) ([]ir.Type, error) {
	params := s.Body.Params
	if len(in) != len(params) || s.Xs+s.Carries > len(in) || s.Xs < 0 || s.Carries < 0 || s.Yields() < 0 {
		return nil, errf("takes %d arguments and has a body of %d parameters and %d results, with %d sequences and %d carries",
			len(in), len(params), len(s.Body.Results), s.Xs, s.Carries)
	}
	for i, t := range in {
		want := t
		if i < s.Xs {
			if len(t.Shape) == 0 || !t.Shape[0].Equal(s.Length) {
				return nil, errf("sequence %d is %s, want %s steps on axis 0", i+1, TypeString(t), s.Length)
			}
			want.Shape = t.Shape[1:]
		}
		if !ir.EqualTypes(params[i].Type, want) {
			return nil, errf("parameter %d of the body is %s, the argument gives %s", i+1, TypeString(params[i].Type), TypeString(want))
		}
	}
	var out []ir.Type
	for i, r := range s.Body.Results {
		t := r.Type
		if k := i - s.Yields(); k < 0 {
			t = stacked(t, s.Length)
		} else if carry := in[s.Xs+k]; !ir.EqualTypes(t, carry) {
			return nil, errf("carry %d starts as %s and becomes %s", k+1, TypeString(carry), TypeString(t))
		}
		out = append(out, t)
	}
	return out, nil
}

// stacked is t with a time axis in front.
func stacked(t ir.Type, length dim.Dim) ir.Type {
	return ir.Type{DType: t.DType, Shape: append([]dim.Dim{length}, t.Shape...)}
}

// Eval runs the body step by step.
func (s Scan) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	var out []ir.Dense
	for k := range c.Out {
		out = append(out, c.Result(k))
	}
	carries := slices.Clone(in[s.Xs : s.Xs+s.Carries])
	n := c.Size(s.Length)
	for step := range n {
		t := step
		if s.Reverse {
			t = n - 1 - step
		}
		var args []ir.Dense
		for _, x := range in[:s.Xs] {
			args = append(args, slab(x, t))
		}
		args = slices.Concat(args, carries, in[s.Xs+s.Carries:])
		results, err := c.Run(s.Body, args, c.Counter<<16+int64(t))
		if err != nil {
			panic("op: " + err.Error())
		}
		for k, y := range results[:s.Yields()] {
			copy(slab(out[k], t).Data, y.Data)
		}
		carries = results[s.Yields():]
	}
	copy(out[s.Yields():], carries)
	return out
}

// slab is x[t], sharing its memory.
func slab(x ir.Dense, t int) ir.Dense {
	shape := x.Shape[1:]
	n := 1
	for _, d := range shape {
		n *= d
	}
	return ir.Dense{DType: x.DType, Shape: shape, Data: x.Data[t*n : (t+1)*n]}
}

// Prune drops stacked results that are not used, carries that only feed
// themselves, and arguments that the body does not read.
func (s Scan) Prune(i *ir.Instr, used func(*ir.Value) bool) {
	results, yields := s.Body.Results, s.Yields()
	keep := make([]bool, len(results))
	for k, r := range i.Results {
		keep[k] = used(r)
	}
	live := map[*ir.Value]bool{}
	for changed := true; changed; {
		changed = false
		s.Body.Reach(kept(results, keep), live)
		for k := range s.Carries {
			if live[s.Body.Params[s.Xs+k]] && !keep[yields+k] {
				keep[yields+k], changed = true, true
			}
		}
	}
	next := Scan{Body: s.Body, Reverse: s.Reverse, Length: s.Length}
	var params, args []*ir.Value
	for k, p := range s.Body.Params {
		carry := k - s.Xs
		isCarry := carry >= 0 && carry < s.Carries
		if isCarry && !keep[yields+carry] || !isCarry && !live[p] {
			continue
		}
		params, args = append(params, p), append(args, i.Args[k])
		if carry < 0 {
			next.Xs++
		} else if isCarry {
			next.Carries++
		}
	}
	s.Body.SetParams(params)
	s.Body.Results = kept(results, keep)
	i.Op, i.Args, i.Results = next, args, kept(i.Results, keep)
	for k, r := range i.Results {
		r.Index = k
	}
}

func kept(vs []*ir.Value, keep []bool) []*ir.Value {
	var out []*ir.Value
	for k, v := range vs {
		if keep[k] {
			out = append(out, v)
		}
	}
	return out
}
