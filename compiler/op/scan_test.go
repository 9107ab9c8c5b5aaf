package op_test

import (
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// TestScanGradientHoistsWeights looks at the backward scan of a recurrent cell:
// the weights' gradients are contractions behind it, it contracts only to carry
// the adjoint on, and it repeats no contraction of the forward scan.
func TestScanGradientHoistsWeights(t *testing.T) {
	var ex op.Example
	for _, e := range op.Examples() {
		if e.Op.Name() == "scan" {
			ex = e
			break
		}
	}
	p := newProbe(t, ex)
	p.f.Results = p.gradients()[2:] // of wx, wh and bias
	p.f.Sweep(p.f.Results)
	var inside, behind []string
	scans := 0
	for _, i := range p.f.Instrs {
		s, ok := i.Op.(op.Scan)
		if !ok {
			if scans == 2 {
				behind = append(behind, i.Op.Name()+ir.Attributes(i.Op))
			}
			continue
		}
		scans++
		s.Prune(i, func(v *ir.Value) bool { return true })
		s = i.Op.(op.Scan)
		s.Body.Sweep(s.Body.Results)
		for _, j := range s.Body.Instrs {
			if j.Op.Name() == "einsum" {
				inside = append(inside, ir.Attributes(j.Op))
			}
		}
	}
	want := `einsum[spec="zmk,zmn->nk"] einsum[spec="zmk,zmn->nk"] reduce[op="sum", axes=(0, 1)]`
	if got := strings.Join(behind, " "); got != want {
		t.Errorf("behind the scan: %s, want %s", got, want)
	}
	if len(inside) != 4 { // two forward, dx and dh backward
		t.Errorf("contractions in the scans: %v, want four", inside)
	}
}
