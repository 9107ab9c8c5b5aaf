package pass

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// orient lets a contraction write its result in the order in which it is read.
// Where all users are one and the same transpose that keeps the last axis, the
// letters of the result change places and the transpose goes away. The order of
// summation is that of the contracted letters, which stay.
func orient(p *ir.Program) error {
	for _, e := range p.Entries {
		fixed := map[*ir.Value]bool{}
		for _, o := range e.Outputs {
			fixed[o.Value] = true
		}
		for _, s := range e.Stores {
			fixed[s.Value] = true
		}
		if err := rewriteEntry(e, func(f *ir.Func, subst map[*ir.Value]*ir.Value) error {
			return orientFunc(f, fixed, subst)
		}); err != nil {
			return err
		}
	}
	return nil
}

func orientFunc(f *ir.Func, fixed map[*ir.Value]bool, subst map[*ir.Value]*ir.Value) error {
	users := map[*ir.Value][]*ir.Instr{}
	for _, i := range f.Instrs {
		for _, a := range i.Args {
			users[a] = append(users[a], i)
		}
	}
	for _, r := range f.Results {
		users[r] = append(users[r], nil)
	}
	b := &ir.Builder{Func: f}
	old := f.Instrs
	f.Instrs = nil
	for _, i := range old {
		substitute(i.Args, subst)
		if err := rewriteBodies(i, func(body *ir.Func, inner map[*ir.Value]*ir.Value) error {
			return orientFunc(body, nil, inner)
		}); err != nil {
			return err
		}
		perm := turned(i, users, fixed)
		if perm == nil {
			f.Instrs = append(f.Instrs, i)
			continue
		}
		in, out, _ := strings.Cut(i.Op.(op.Einsum).Spec, "->")
		letters := make([]byte, len(perm))
		for to, from := range perm {
			letters[to] = out[from]
		}
		b.Pos, b.Label, b.Path, b.Metric, b.Remat = i.Pos, i.Label, i.Path, i.Metric, i.Remat
		v := b.Emit1(op.Einsum{Spec: in + "->" + string(letters)}, i.Args...)
		v.Name = i.Results[0].Name
		for _, u := range users[i.Results[0]] {
			replace(u.Results[0], v, subst)
		}
	}
	f.Instrs = slices.DeleteFunc(f.Instrs, func(i *ir.Instr) bool {
		_, gone := subst[i.Results[0]]
		_, transpose := i.Op.(op.Transpose)
		return gone && transpose
	})
	return b.Err()
}

// turned returns the permutation that all users of a contraction apply; nil when
// they do not, or when it moves the last axis.
func turned(i *ir.Instr, users map[*ir.Value][]*ir.Instr, fixed map[*ir.Value]bool) []int {
	if _, ok := i.Op.(op.Einsum); !ok {
		return nil
	}
	var perm []int
	for _, u := range users[i.Results[0]] {
		if u == nil {
			return nil
		}
		t, ok := u.Op.(op.Transpose)
		if !ok || fixed[i.Results[0]] || perm != nil && !slices.Equal(perm, t.Perm) || t.Perm[len(t.Perm)-1] != len(t.Perm)-1 {
			return nil
		}
		perm = t.Perm
	}
	return perm
}
