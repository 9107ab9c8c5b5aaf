package pass

import (
	"hash/fnv"
	"strconv"

	"github.com/mlc-go/mlc/compiler/ir"
)

// shuffleTensor puts independent instructions of every function into another
// valid order, which depends only on the next pass's name. Results must not
// change. Before grad it does nothing: contributions to an adjoint are added in
// program order, which is part of the float contract.
func shuffleTensor(p *ir.Program, next string) {
	if next == "grad" {
		return
	}
	for _, e := range p.Entries {
		shuffleFunc(e.Func, next)
		for _, m := range e.Metrics {
			if m.Finish != nil {
				shuffleFunc(m.Finish, next)
			}
		}
	}
}

func shuffleFunc(f *ir.Func, seed string) {
	waiting := map[*ir.Instr]int{}
	users := map[*ir.Instr][]*ir.Instr{}
	var ready []*ir.Instr
	for _, i := range f.Instrs {
		for _, a := range i.Args {
			if a.Def != nil {
				waiting[i]++
				users[a.Def] = append(users[a.Def], i)
			}
		}
		if waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	h := fnv.New64a()
	h.Write([]byte(seed))
	out := make([]*ir.Instr, 0, len(f.Instrs))
	for len(ready) > 0 {
		h.Write([]byte(strconv.Itoa(len(ready))))
		n := int(h.Sum64()>>16) & (1<<31 - 1) % len(ready)
		i := ready[n]
		ready = append(ready[:n], ready[n+1:]...)
		out = append(out, i)
		for _, u := range users[i] {
			if waiting[u]--; waiting[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
	f.Instrs = out
}
