package lower

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/loop"
)

// sharer keeps one kernel for all that are equal but for the names of their
// parameters, sizes and scalars.
type sharer struct {
	kernels []*loop.Kernel
	byText  map[string]*loop.Kernel
	names   *namer
}

func newSharer() *sharer { return &sharer{byText: map[string]*loop.Kernel{}, names: newNamer()} }

// add returns the kernel that calls of k use: k itself under a unique name, or
// an equal one from before.
func (s *sharer) add(k *loop.Kernel, name string, origins []loop.Origin) *loop.Kernel {
	text := loop.NeutralCopy(k).String()
	if old, ok := s.byText[text]; ok {
		for _, o := range origins {
			if !slices.Contains(old.Origins, o) {
				old.Origins = append(old.Origins, o)
			}
		}
		return old
	}
	k.Name = s.names.unique(name)
	k.Origins = origins
	uniqueParams(k)
	s.byText[text] = k
	s.kernels = append(s.kernels, k)
	return k
}

// uniqueParams tells apart parameters, scalars and axes of one name: each is a
// variable of one function in generated code.
func uniqueParams(k *loop.Kernel) {
	n := newNamer()
	for _, d := range k.Dims {
		n.unique(d)
	}
	for _, c := range k.Counters {
		n.unique(c)
	}
	seen := map[*loop.Axis]bool{}
	axis := func(a *loop.Axis) {
		if !seen[a] {
			seen[a] = true
			a.Name = n.unique(a.Name)
		}
	}
	for _, a := range k.Space {
		axis(a)
	}
	for _, ph := range k.Phases {
		for _, a := range ph.Axes {
			axis(a)
		}
		for _, r := range ph.Reducers {
			r.Result.Name = n.unique(r.Result.Name)
		}
		if ph.Acc != nil {
			ph.Acc.Name = n.unique(ph.Acc.Name)
		}
		for _, c := range ph.Carries {
			c.Current.Name = n.unique(c.Current.Name)
		}
	}
	for _, p := range k.Params {
		p.Name = n.unique(p.Name)
	}
	for _, s := range k.Scalars {
		s.Name = n.unique(s.Name)
	}
}
