package pass

import (
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/lower"
	"github.com/mlc-go/mlc/compiler/op"
)

// classifier builds the training step of a net of two linear layers with ReLU
// and cross entropy, and SGD with momentum, as package build would.
func classifier(in, hidden, classes int64) *ir.Program {
	m := &mlp{f: ir.NewFunc("train"), p: &ir.Program{Name: "MLP", File: "net.ml"}}
	m.b = &ir.Builder{Func: m.f}
	m.e = &ir.Entry{Name: "train", Kind: ir.Train, Func: m.f}
	m.p.Entries = []*ir.Entry{m.e}
	batch := dim.Sym("batch")
	x := m.input("images", dim.Float32, batch, dim.Const(in))
	y := m.input("labels", dim.Int32, batch)
	w1, b1 := m.param("fc1.weight", hidden, in), m.param("fc1.bias", hidden)
	w2, b2 := m.param("fc2.weight", classes, hidden), m.param("fc2.bias", classes)
	for _, w := range []*ir.Value{w1, b1, w2, b2} {
		m.velocities = append(m.velocities, m.read("optimizer/train/"+w.Name+"/velocity", ir.OptState, w.Type))
	}
	m.b.Label = "fc1: linear(hidden) -> relu"
	h := m.linear(x, w1, b1)
	h = op.Apply(m.b, "max", h, op.Full(m.b, h.Type, 0))
	h.Name = "hidden"
	m.b.Label = "fc2: linear(10)"
	logits := m.linear(h, w2, b2)
	logits.Name = "logits"
	m.b.Label = "loss cross_entropy(logits, labels)"
	loss := m.crossEntropy(logits, y)
	m.e.Outputs = []ir.Output{{Name: "loss", Value: loss}}
	m.b.Label = "accuracy = mean(argmax(logits) == labels)"
	m.b.Metric = true
	hit := op.Apply(m.b, "eq", m.b.Emit1(op.ArgReduce{Op: "max", Axis: 1}, logits), y)
	acc := m.mean(op.CastTo(m.b, hit, dim.Float32))
	m.b.Metric = false
	m.e.Outputs = append(m.e.Outputs, ir.Output{Name: "accuracy", Value: acc})
	m.e.Metrics = []ir.Metric{{Name: "accuracy", Output: 1}}
	m.b.Label = "optimizer sgd(lr = 0.01, momentum = 0.9)"
	params := []*ir.Value{w1, b1, w2, b2}
	grads := m.b.Emit(op.Gradient{}, append([]*ir.Value{loss}, params...)...)
	for n, w := range params {
		v := op.Apply(m.b, "add", op.Apply(m.b, "mul", m.velocities[n], op.Full(m.b, w.Type, 0.9)), grads[n])
		next := op.Apply(m.b, "sub", w, op.Apply(m.b, "mul", v, op.Full(m.b, w.Type, 0.01)))
		m.e.Stores = append(m.e.Stores, ir.Store{Var: m.vars[m.velocities[n]], Value: v}, ir.Store{Var: m.vars[w], Value: next})
	}
	if err := m.b.Err(); err != nil {
		panic(err)
	}
	return m.p
}

type mlp struct {
	p          *ir.Program
	e          *ir.Entry
	f          *ir.Func
	b          *ir.Builder
	vars       map[*ir.Value]*ir.Var
	velocities []*ir.Value
}

func (m *mlp) input(name string, t dim.DType, shape ...dim.Dim) *ir.Value {
	v := m.f.AddParam(ir.Type{DType: t, Shape: shape}, name)
	m.e.Inputs = append(m.e.Inputs, ir.Input{Name: name, Value: v})
	return v
}

func (m *mlp) param(name string, shape ...int64) *ir.Value {
	t := ir.Type{DType: dim.Float32}
	for _, n := range shape {
		t.Shape = append(t.Shape, dim.Const(n))
	}
	return m.read(name, ir.Param, t)
}

func (m *mlp) read(name string, kind ir.VarKind, t ir.Type) *ir.Value {
	v := m.f.AddParam(t, name)
	w := &ir.Var{Name: name, Ident: name, Kind: kind, Type: t}
	m.p.Vars = append(m.p.Vars, w)
	m.e.Reads = append(m.e.Reads, ir.Read{Var: w, Value: v})
	if m.vars == nil {
		m.vars = map[*ir.Value]*ir.Var{}
	}
	m.vars[v] = w
	return v
}

func (m *mlp) linear(x, w, bias *ir.Value) *ir.Value {
	y := m.b.Emit1(op.Einsum{Spec: "mk,nk->mn"}, x, w)
	return op.Apply(m.b, "add", y, op.BroadcastTo(m.b, bias, y.Type.Shape))
}

func (m *mlp) mean(x *ir.Value) *ir.Value {
	s := op.Sum(m.b, x, 0)
	n := m.b.Emit1(op.HostScalar{Expr: scalarOf(x.Type.Shape[0]), DType: dim.Float32})
	return op.Apply(m.b, "div", s, n)
}

func (m *mlp) crossEntropy(logits, labels *ir.Value) *ir.Value {
	b := m.b
	shape := logits.Type.Shape
	column := []dim.Dim{shape[0], dim.Const(1)}
	top := b.Emit1(op.StopGradient{}, b.Emit1(op.Reduce{Op: "max", Axes: []int{1}}, logits))
	shifted := op.Apply(b, "sub", logits, op.BroadcastTo(b, op.ReshapeTo(b, top, column), shape))
	sum := op.Sum(b, op.Apply(b, "exp", shifted), 1)
	picked := b.Emit1(op.Gather{Axis: 1}, shifted, op.ReshapeTo(b, labels, column))
	return m.mean(op.Apply(b, "sub", op.Apply(b, "log", sum), op.ReshapeTo(b, picked, shape[:1])))
}

// compile runs all passes and lowering.
func compile(t testing.TB, p *ir.Program, o Options) *loop.Program {
	t.Helper()
	if err := RunTensor(p, o); err != nil {
		t.Fatal(err)
	}
	l, err := lower.Lower(p, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, ir.Print(p))
	}
	if err := loop.Verify(l); err != nil {
		t.Fatalf("%v\n%s", err, l)
	}
	if err := RunLoop(l, o); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestClassifierKernels fixes the kernels of the classifier's training step.
func TestClassifierKernels(t *testing.T) {
	l := compile(t, classifier(784, 128, 10), Options{})
	var got []string
	for _, c := range loop.Calls(l.Funcs[0]) {
		s := c.Kernel.Name
		if c.AfterLoss {
			s += " after"
		}
		if c.Metric {
			s += " metric"
		}
		got = append(got, s)
	}
	want := []string{"fc1Forward", "fc2Forward", "crossEntropyForward", "crossEntropyForward2",
		"accuracyMetric after metric", "crossEntropyForward2 after metric",
		"fc2BiasUpdate after", "fc2BackwardPack after", "fc2Backward after", "fc2WeightUpdate after", "fc1BiasUpdate after", "fc1WeightUpdate after"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("kernels:\n%s\n%s", strings.Join(got, "\n"), l)
	}
}

// TestMetricCopies requires that the copy of a metric's state is skipped where
// the kernel that computes it is.
func TestMetricCopies(t *testing.T) {
	p := classifier(6, 4, 3)
	e := p.Entries[0]
	state := &ir.Var{Name: "metric/accuracy/last", Ident: "metric.last", Kind: ir.MetricState, Type: ir.Type{DType: dim.Float32}}
	p.Vars = append(p.Vars, state)
	e.Stores = append(e.Stores, ir.Store{Var: state, Value: e.Outputs[1].Value}) // an output has memory of its own
	l := compile(t, p, Options{Check: true})
	copies := 0
	for _, c := range loop.Calls(l.Funcs[0]) {
		for n, a := range c.Args {
			if c.Kernel.Params[n].Write && a.Buffer.Var != nil && a.Buffer.Var.Name == state.Name {
				copies++
				if !c.Metric || !c.AfterLoss {
					t.Errorf("%s writes the state with metric %t, after loss %t", c.Kernel.Name, c.Metric, c.AfterLoss)
				}
			}
		}
	}
	if copies != 1 {
		t.Errorf("%d calls write the state, want one", copies)
	}
}
