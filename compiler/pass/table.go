// Package pass holds the passes over both IRs and the two tables that order
// them. One pass is one file with one function of its name.
//
// A pass has one effect and keeps the verifier content; an exact one keeps every
// bit of every result. The order is data: the tables below, and the constraints
// that say why, both checked by a test and before the first run.
package pass

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// pass is a row of a table. IR is *ir.Program or *loop.Program.
type pass[IR any] struct {
	name     string
	fn       func(IR) error
	required bool // --disable refuses it
	exact    bool // keeps every bit
	doc      string
}

// constraint says that one pass must run before another, and why.
type constraint struct{ before, after, reason string }

// Info describes a pass, for --dump=help.
type Info struct {
	Name, IR, Doc   string
	Required, Exact bool
}

// List returns all passes in their order.
func List() []Info {
	var out []Info
	for _, p := range tensorPasses {
		out = append(out, Info{p.name, "tensor", p.doc, p.required, p.exact})
	}
	for _, p := range loopPasses {
		out = append(out, Info{p.name, "loop", p.doc, p.required, p.exact})
	}
	return out
}

// IsTensor reports whether a pass of that name runs over the tensor IR.
func IsTensor(name string) bool {
	return slices.ContainsFunc(tensorPasses[:], func(p pass[*ir.Program]) bool { return p.name == name })
}

// Options say what to print and what to leave out.
type Options struct {
	Dump    []string // names of passes to print after, or "all"
	DumpTo  io.Writer
	Disable []string
	Check   bool   // verify after every pass and shuffle independent instructions before it
	Until   string // this pass and what follows do not run; empty for all
}

// Failure is a pass that failed or panicked.
type Failure struct {
	Pass string
	Err  error
}

// Error returns the cause's message, which names the pass.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// RunTensor runs the passes over the tensor IR in order.
func RunTensor(p *ir.Program, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	return run(p, tensorPasses[:], o, ir.Print, ir.Verify, shuffleTensor)
}

// RunLoop runs the passes over the loop IR in order.
func RunLoop(p *loop.Program, o Options) error {
	return run(p, loopPasses[:], o, loop.Print, loop.Verify, nil)
}

func run[IR any](p IR, passes []pass[IR], o Options, print func(IR) string, verify func(IR) error, shuffle func(IR, string)) error {
	for _, row := range passes {
		if slices.Contains(o.Disable, row.name) {
			continue
		}
		if row.name == o.Until {
			return nil
		}
		if o.Check && shuffle != nil {
			shuffle(p, row.name)
		}
		err := guard(row.name, func() error { return row.fn(p) })
		if err == nil && o.Check {
			if err = verify(p); err != nil {
				err = fmt.Errorf("internal error: pass %s broke the IR: %w", row.name, err)
			}
		}
		if err != nil {
			return &Failure{Pass: row.name, Err: err}
		}
		if o.DumpTo != nil && (slices.Contains(o.Dump, row.name) || slices.Contains(o.Dump, "all")) {
			fmt.Fprintf(o.DumpTo, "// after %s\n%s", row.name, print(p))
		}
	}
	return nil
}

// guard turns a panic of a pass into an error that names it.
func guard(name string, fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: pass %s panicked: %v", name, r)
		}
	}()
	return fn()
}

// Validate checks names, required passes and the order of the tables.
func (o Options) Validate() error {
	if err := checkOrder(); err != nil {
		return err
	}
	all := List()
	find := func(name string) int { return slices.IndexFunc(all, func(i Info) bool { return i.Name == name }) }
	for _, name := range o.Disable {
		switch i := find(name); {
		case i < 0:
			return fmt.Errorf("there is no pass %q; have %s", name, names(all))
		case all[i].Required:
			return fmt.Errorf("pass %s cannot be disabled: later stages need it", name)
		}
	}
	for _, name := range o.Dump {
		if name != "all" && name != "build" && name != "lower" && find(name) < 0 {
			return fmt.Errorf("there is no pass %q to dump after; have build, lower, all, %s", name, names(all))
		}
	}
	return nil
}

func names(all []Info) string {
	var s []string
	for _, i := range all {
		s = append(s, i.Name)
	}
	return strings.Join(s, ", ")
}

// checkOrder compares the tables with the constraints.
func checkOrder() error {
	place := map[string]int{}
	for i, p := range List() {
		if _, twice := place[p.Name]; twice {
			return fmt.Errorf("internal error: pass %s stands in the tables twice", p.Name)
		}
		place[p.Name] = i
	}
	for _, c := range passOrder {
		a, okA := place[c.before]
		b, okB := place[c.after]
		switch {
		case !okA || !okB:
			return fmt.Errorf("internal error: order constraint %s before %s names an unknown pass", c.before, c.after)
		case a >= b:
			return fmt.Errorf("internal error: pass %s must run before %s: %s", c.before, c.after, c.reason)
		}
	}
	return nil
}
