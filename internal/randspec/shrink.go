package randspec

import "strings"

// Shrink makes a net that fails smaller as long as it fails: with one output, with
// fewer statements (one is left out by taking an operand's value for its own), and
// with plain gradient descent. check gives the failures among nets.
func Shrink(f Failure, check func([]*Net) ([]Failure, error)) Failure {
	for range 60 {
		found := false
		for _, batch := range chunks(smaller(f.Net), 8) {
			failed, err := check(batch)
			if err != nil || len(failed) == 0 {
				continue
			}
			f, found = failed[0], true
			break
		}
		if !found {
			break
		}
	}
	return f
}

func chunks(nets []*Net, n int) (out [][]*Net) {
	for len(nets) > n {
		out, nets = append(out, nets[:n]), nets[n:]
	}
	if len(nets) > 0 {
		out = append(out, nets)
	}
	return out
}

// smaller lists the nets one step smaller that the compiler accepts.
func smaller(n *Net) (out []*Net) {
	keep := func(s *Net) {
		if _, ok := typeOf(s); ok {
			out = append(out, s)
		}
	}
	steps := n.needed()
	if len(n.Outputs) > 1 {
		for _, o := range n.Outputs {
			keep(&Net{steps, []string{o}, n.Optimizer, n.Frozen, n.Grouped})
		}
	}
	for i := len(steps) - 1; i > 0; i-- {
		seen := map[string]bool{steps[i].Name: true}
		for _, operand := range word.FindAllString(steps[i].Text, -1) {
			if seen[operand] {
				continue
			}
			seen[operand] = true
			keep(n.without(steps, i, operand))
		}
	}
	if n.Optimizer != "sgd(lr = 1.0)" {
		keep(&Net{steps, n.Outputs, "sgd(lr = 1.0)", n.Frozen, n.Grouped})
	}
	if n.Frozen || n.Grouped {
		keep(&Net{Steps: steps, Outputs: n.Outputs, Optimizer: n.Optimizer})
	}
	return out
}

// without takes operand wherever step i was used.
func (n *Net) without(steps []Step, i int, operand string) *Net {
	name := steps[i].Name
	replace := func(s string) string {
		return word.ReplaceAllStringFunc(s, func(w string) string {
			if w == name {
				return operand
			}
			return w
		})
	}
	s := &Net{Optimizer: n.Optimizer, Frozen: n.Frozen, Grouped: n.Grouped, Steps: append([]Step{}, steps[:i]...)}
	for _, step := range steps[i+1:] {
		s.Steps = append(s.Steps, Step{step.Name, replace(step.Text)})
	}
	for _, o := range n.Outputs {
		if o = replace(o); strings.HasPrefix(o, "v") {
			s.Outputs = append(s.Outputs, o)
		}
	}
	if len(s.Outputs) == 0 {
		s.Outputs = []string{steps[0].Name}
	}
	return s
}
