package codegen_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/lower"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/pass"
)

// exampleEntry makes an entry of one operation; its gradient is a result too.
func exampleEntry(t *testing.T, name string, ex op.Example) *ir.Entry {
	t.Helper()
	f := ir.NewFunc(name)
	b := &ir.Builder{Func: f}
	e := &ir.Entry{Name: name, Kind: ir.Forward, Func: f}
	var args, floats []*ir.Value
	for i, typ := range ex.In {
		n := fmt.Sprintf("x%d", i)
		v := f.AddParam(typ, n)
		e.Inputs = append(e.Inputs, ir.Input{Name: n, Value: v})
		args = append(args, v)
		if typ.DType == dim.Float32 {
			floats = append(floats, v)
		}
	}
	out := b.Emit(ex.Op, args...)
	if _, ok := ex.Op.(op.Differentiable); ok && len(floats) > 0 && out[0].Type.DType == dim.Float32 {
		axes := make([]int, len(out[0].Type.Shape))
		for a := range axes {
			axes[a] = a
		}
		loss := op.Sum(b, op.Apply(b, "mul", out[0], out[0]), axes...)
		out = append(out, b.Emit(op.Gradient{}, append([]*ir.Value{loss}, floats...)...)...)
	}
	for i, v := range out {
		if v.Type.DType == dim.Uint32 { // internal: no result has it
			v = op.CastTo(b, v, dim.Int64)
		}
		e.Outputs = append(e.Outputs, ir.Output{Name: fmt.Sprintf("y%d", i), Value: v})
	}
	if err := b.Err(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// lowered runs all passes on a program.
func lowered(t *testing.T, p *ir.Program) *loop.Program {
	t.Helper()
	if err := pass.RunTensor(p, pass.Options{}); err != nil {
		t.Fatal(err)
	}
	l, err := lower.Lower(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pass.RunLoop(l, pass.Options{}); err != nil {
		t.Fatal(err)
	}
	return l
}

// exampleInputs draws the inputs of an example.
func exampleInputs(r *rand.Rand, ex op.Example) (list []driverTensor) {
	low, high := ex.Low, ex.High
	if low == 0 && high == 0 {
		low, high = -2, 2
	}
	for _, typ := range ex.In {
		var shape []int
		n := 1
		for _, d := range typ.Shape {
			v, _ := d.Int()
			shape = append(shape, int(v))
			n *= int(v)
		}
		bits := make([]uint64, n)
		for i := range bits {
			v := low + (high-low)*r.Float64()
			switch {
			case typ.DType == dim.Float32:
				bits[i] = uint64(math.Float32bits(float32(v)))
			case typ.DType == dim.Float64:
				bits[i] = math.Float64bits(v)
			case typ.DType == dim.Bool:
				bits[i] = uint64(r.IntN(2))
			case ex.Index > 0:
				bits[i] = uint64(r.IntN(ex.Index))
			}
		}
		list = append(list, driverTensor{shape, bits})
	}
	return list
}

// opsLab builds the package of all operations and a case that calls each.
func opsLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	p := &ir.Program{Name: "Ops", File: "ops.ml"}
	r := rand.New(rand.NewPCG(3, 4))
	c := driverCase{Package: "ops", Seed: 5, Threads: 2}
	for i, ex := range op.Examples() {
		e := exampleEntry(t, fmt.Sprintf("e%d", i), ex)
		p.Entries = append(p.Entries, e)
		c.Calls = append(c.Calls, driverCall{"forward", len(p.Entries) - 1, exampleInputs(r, ex)})
	}
	l.addWith(codegen.Options{Package: "ops", NoAssembly: true}, lowered(t, p)) // package simd tests its own
	l.build()
	l.cases = []driverCase{c}
	return l
}

// TestOps compares every operation and its gradient with the exact evaluator.
func TestOps(t *testing.T) {
	l := opsLab(t)
	l.oracle(l.cases[0], l.run()[0], make([]map[string]int64, len(l.cases[0].Calls)))
}

// TestMachinesLong does the same on other machines: int has 32 bits on one, and
// Go fuses multiply and add by itself on the other. Some virtual machines cannot run
// the first; another one of 32 bits is emulated there.
func TestMachinesLong(t *testing.T) {
	demandLong(t)
	l := opsLab(t)
	for _, m := range []struct{ arch, runner string }{{"386", ""}, {"arm64", "qemu-aarch64-static"}} {
		t.Run(m.arch, func(t *testing.T) {
			other := *l
			other.t = t
			other.machine(m.arch, m.runner, func(r []driverResult) {
				other.oracle(l.cases[0], r[0], make([]map[string]int64, len(l.cases[0].Calls)))
			})
		})
	}
}

// machine builds the driver for another architecture and runs it, through an
// emulator unless this machine runs it itself.
func (l *lab) machine(arch, runner string, check func([]driverResult)) {
	l.t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		l.t.Skip("only linux/amd64 runs programs of other machines here")
	}
	driver := filepath.Join(l.dir, "driver_"+arch)
	command := []string{driver}
	if runner != "" {
		path, err := exec.LookPath(runner)
		if err != nil {
			l.t.Skip("no emulator: ", err)
		}
		command = []string{path, driver}
	}
	if out, err := l.goBuild(driver, "GOARCH="+arch, "CGO_ENABLED=0"); err != nil {
		l.t.Fatalf("go build: %v\n%s", err, out)
	}
	if runner == "" && errors.Is(exec.Command(driver).Run(), syscall.ENOEXEC) {
		l.t.Logf("this machine runs no programs for %s: an emulated arm takes its place", arch)
		l.machine("arm", "qemu-arm-static", check)
		return
	}
	check(l.runAs(command...))
}
