package build_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/pass"
)

// machine builds a text and gives its float64 evaluator with initial values.
func machine(t *testing.T, src string) *eval.Reference {
	t.Helper()
	p, diags := text(t, "edition 1\n"+src)
	if p == nil {
		t.Fatalf("%v", diags)
	}
	if err := ir.Verify(p); err != nil {
		t.Fatal(err)
	}
	if err := pass.RunTensor(p, pass.Options{Check: true}); err != nil {
		t.Fatal(err)
	}
	m := eval.NewReference(p)
	if err := m.Initialize(); err != nil {
		t.Fatal(err)
	}
	return m
}

// floats is an input tensor of float32.
func floats(shape []int, data ...float64) ir.Dense {
	d := ir.NewDense(dim.Float32, shape...)
	copy(d.Data, data)
	return d
}

// call runs an entry and returns its outputs' elements.
func call(t *testing.T, m *eval.Reference, kind ir.EntryKind, name string, in ...ir.Dense) [][]float64 {
	t.Helper()
	out, err := m.Run(m.Entry(kind, name), in...)
	if err != nil {
		t.Fatal(err)
	}
	var data [][]float64
	for _, d := range out {
		data = append(data, d.Data)
	}
	return data
}

// stored is a stored tensor's value.
func stored(t *testing.T, m *eval.Reference, name string) []float64 {
	t.Helper()
	for v, d := range m.Vars {
		if v.Name == name {
			return d.Data
		}
	}
	t.Fatalf("no tensor %s", name)
	return nil
}

func near(t *testing.T, what string, have []float64, want ...float64) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%s: %v, want %v", what, have, want)
	}
	for i := range want {
		if math.Abs(have[i]-want[i]) > 1e-9*max(1, math.Abs(want[i])) {
			t.Fatalf("%s: %v, want %v", what, have, want)
		}
	}
}

// TestClip scales gradients 3 and 4, whose norm is 5, as torch's clip_grad_norm_
// does: by 2 / (5 + 1e-6). A value clip limits each.
func TestClip(t *testing.T) {
	const model = `
model M() {
    param a [] = 1
    param b [] = 1
    train norm {
        loss 3 * a + 4 * b
        optimizer sgd(lr = 1, clip_norm = 2)
    }
    train value {
        loss 3 * a + 4 * b
        optimizer sgd(lr = 1, clip_value = 3.5)
    }
    train largest {
        loss 3 * a + 4 * b
        optimizer sgd(lr = 1, clip_norm = 2, norm_type = inf)
    }
}`
	m := machine(t, model)
	call(t, m, ir.Train, "norm")
	s := 2 / (5 + 1e-6)
	near(t, "a", stored(t, m, "a"), 1-3*s)
	near(t, "b", stored(t, m, "b"), 1-4*s)
	m = machine(t, model)
	call(t, m, ir.Train, "value")
	near(t, "a", stored(t, m, "a"), 1-3)
	near(t, "b", stored(t, m, "b"), 1-3.5)
	m = machine(t, model)
	call(t, m, ir.Train, "largest")
	near(t, "b", stored(t, m, "b"), 1-4*(2/(4+1e-6)))
}

// TestAccumulate makes four micro-batches of two updates: parameters and states
// change in the second and fourth, by the mean gradient, and step counts updates.
func TestAccumulate(t *testing.T) {
	m := machine(t, `
model M() {
    param a [] = 1
    train {
        input x float32[batch]
        loss mean(a * x)
        optimizer sgd(lr = 0.1 * step, momentum = 0.5, accumulate = 2)
    }
}`)
	want := []float64{1, 1 - 0.1*3, 1 - 0.1*3, 1 - 0.1*3 - 0.2*(0.5*3+7)}
	for i, x := range []float64{2, 4, 6, 8} {
		m.Step = int64(i + 1)
		call(t, m, ir.Train, "train", floats([]int{1}, x))
		near(t, "a", stored(t, m, "a"), want[i])
	}
}

// TestAverage keeps an exponential moving average that starts at the parameter.
func TestAverage(t *testing.T) {
	m := machine(t, `
model M() {
    param a [] = 1
    train {
        loss 2 * a
        optimizer sgd(lr = 0.5, ema = 0.75)
    }
}`)
	call(t, m, ir.Train, "train")
	near(t, "a", stored(t, m, "a"), 0)
	near(t, "ema", stored(t, m, "optimizer/train/a/ema"), 0.75)
	// With micro-batches the average moves when the parameter does; its share may
	// depend on the step.
	m = machine(t, `
model M() {
    param a [] = 1
    train {
        loss 2 * a
        optimizer sgd(lr = 0.5, accumulate = 2, ema = min(0.9, step / (1 + step)))
    }
}`)
	parameter := []float64{1, 0, 0, -1}
	average := []float64{1, 0.5, 0.5, 0.5*2/3 - 1.0/3}
	for i := range parameter {
		m.Step = int64(i + 1)
		call(t, m, ir.Train, "train")
		near(t, "a", stored(t, m, "a"), parameter[i])
		near(t, "ema", stored(t, m, "optimizer/train/a/ema"), average[i])
	}
}

// TestGroups sets rates by role, name and glob, and leaves frozen parameters.
func TestGroups(t *testing.T) {
	m := machine(t, `
block Scale() {
    input x [...]
    param weight [] = 1
    @role(bias) param bias [] = 1
    output x * weight + bias
}
model M() {
    param x [] = 1
    y = x -> first: Scale -> second: Scale
    z = y -> third: Scale
    train {
        freeze "third.w*"
        loss x + first.weight + first.bias + second.weight + second.bias + third.weight + third.bias + 0 * z
        optimizer sgd(lr = 1) {
            group bias { lr = 2 }
            group second.weight, "x" { lr = 3 }
        }
    }
}`)
	call(t, m, ir.Train, "train")
	for name, want := range map[string]float64{"x": -2, "first.weight": 0, "first.bias": -1, "second.weight": -2, "second.bias": -1, "third.weight": 1, "third.bias": -1} {
		near(t, name, stored(t, m, name), want)
	}
}

// TestStopIsNotTrained leaves a parameter alone that the loss reaches only
// through stop_gradient, as torch does with parameters without a gradient.
func TestStopIsNotTrained(t *testing.T) {
	m := machine(t, `
model M() {
    param a [] = 1
    param b [] = 1
    train {
        loss a * stop_gradient(b)
        optimizer sgd(lr = 1, weight_decay = 1)
    }
}`)
	call(t, m, ir.Train, "train")
	near(t, "a", stored(t, m, "a"), -1)
	near(t, "b", stored(t, m, "b"), 1)
}

// TestState counts calls of an entry, and keeps the count of each entry apart.
func TestState(t *testing.T) {
	m := machine(t, `
block Count() {
    input x [...]
    state n float32[] = zeros
    update n = n + 1
    output x + n
}
model M() {
    layer count = Count()
    entry one {
        input x float32[batch]
        output y = x -> count
    }
    entry two {
        input x float32[batch]
        output y = 10 * (x -> count)
    }
}`)
	x := floats([]int{1}, 0)
	near(t, "first call", call(t, m, ir.Forward, "one", x)[0], 1)
	near(t, "second call", call(t, m, ir.Forward, "one", x)[0], 2)
	near(t, "other entry", call(t, m, ir.Forward, "two", x)[0], 10)
}

// TestUpdateOrder reads the new value after an update, and commits at the end.
func TestUpdateOrder(t *testing.T) {
	m := machine(t, `
model M() {
    buffer b [] = 3
    param a [] = 1
    train {
        before = b
        update b = b * 2
        loss a * (before + b)
        metric m = b
        optimizer sgd(lr = 1)
        after = a
        update b = b + after
    }
}`)
	out := call(t, m, ir.Train, "train")
	near(t, "loss", out[0], 9)
	near(t, "metric", out[1], 6)
	near(t, "a", stored(t, m, "a"), 1-9)
	near(t, "b", stored(t, m, "b"), 6+(1-9))
}

// TestTargetNetwork starts a layer as a copy and moves it towards the other one.
func TestTargetNetwork(t *testing.T) {
	m := machine(t, `
model M() {
    input x float32[batch, 2]
    layer q = linear(1)
    @frozen @init(q) layer target = linear(1)
    y = x -> q
    output y, z = x -> target
    train {
        loss mean(y - stop_gradient(x -> target))
        optimizer sgd(lr = 1)
        update target = lerp(target, q, 0.25)
    }
}`)
	before := slices.Clone(stored(t, m, "q.weight"))
	near(t, "copy", stored(t, m, "target.weight"), before...)
	near(t, "bias", stored(t, m, "target.bias"), stored(t, m, "q.bias")...)
	call(t, m, ir.Train, "train", floats([]int{1, 2}, 4, 8))
	near(t, "q", stored(t, m, "q.weight"), before[0]-4, before[1]-8)
	near(t, "target", stored(t, m, "target.weight"), before[0]-1, before[1]-2)
}

// TestMetricUnit adds two batches of unequal size up and finishes once.
func TestMetricUnit(t *testing.T) {
	m := machine(t, `
metric average() {
    input x [n]
    state total [] = zeros
    state count [] = zeros
    update total = total + sum(x)
    update count = count + n
    output total / count
}
model M() {
    input x float32[batch]
    param a [] = 2
    output y = a * x
    train {
        loss mean(a * x)
        metric average(a * x)
        optimizer sgd(lr = 0)
    }
}`)
	e := m.Entry(ir.Eval, "train")
	call(t, m, ir.Eval, "train", floats([]int{1}, 3))
	call(t, m, ir.Eval, "train", floats([]int{3}, 1, 1, 1))
	metric := e.Metrics[0]
	var states []ir.Dense
	for _, v := range metric.States {
		states = append(states, m.Vars[v])
	}
	out, err := m.Call(metric.Finish, nil, states...)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "average", out[0].Data, 2*6/4.)
}

// TestModes compiles an entry for inference, and for training inside a train block.
func TestModes(t *testing.T) {
	m := machine(t, `
model M() {
    layer drop = dropout(0.5)
    param a [] = 1
    entry noisy {
        input x float32[batch]
        output y = x -> drop
    }
    train {
        input x float32[batch]
        loss a * mean(x -> noisy)
        optimizer sgd(lr = 0)
    }
}`)
	for _, c := range []struct {
		kind ir.EntryKind
		name string
		want bool
	}{{ir.Forward, "noisy", false}, {ir.Train, "train", true}, {ir.Eval, "train", false}} {
		have := slices.ContainsFunc(m.Entry(c.kind, c.name).Func.Instrs, func(i *ir.Instr) bool { _, ok := i.Op.(op.Random); return ok })
		if have != c.want {
			t.Errorf("%s of kind %d draws: %v", c.name, c.kind, have)
		}
	}
}

// draws lists the keys of an entry's random numbers.
func draws(e *ir.Entry) []string {
	var out []string
	for _, i := range e.Func.Instrs {
		if r, ok := i.Op.(op.Random); ok {
			out = append(out, r.Key+" "+string(rune('0'+r.Draw)))
		}
	}
	slices.Sort(out) // passes may reorder independent draws
	return out
}

// TestDrawKeys keys draws by the place of their unit: dead code, renamed values
// and other layers change nothing, and each application of a shared layer differs.
func TestDrawKeys(t *testing.T) {
	build := func(extra string) []string {
		return draws(machine(t, `
block B() {
    input x [...]
    a = rand_like(x)
    b = rand_like(x)
    output a * b * x
}
model M() {
    input x float32[batch]
    layer shared = B()
    param w [] = 1
    `+extra+`
    y = x -> first: B -> shared -> shared
    output y
    train {
        loss w * mean(y)
        optimizer sgd(lr = 0)
    }
}`).Entry(ir.Train, "train"))
	}
	want := []string{"first 0", "first 1", "shared 0", "shared 1", "shared@1 0", "shared@1 1"}
	if have := build(""); !slices.Equal(have, want) {
		t.Errorf("keys %q, want %q", have, want)
	}
	if have := build("_dead = rand_like(x)\n_other = x -> zero: B"); !slices.Equal(have, want) {
		t.Errorf("keys beside dead code %q, want %q", have, want)
	}
}

// TestCompileTime runs loops, choices, lists, indexed names and exact numbers.
func TestCompileTime(t *testing.T) {
	m := machine(t, `
func twice(x) = 2 * x
func fact(n) = select(n <= 1, 1, n * 2)
model M(layers = 3) {
    input x float32[batch]
    kept[0] = x
    for i in range(layers) {
        kept[i + 1] = kept[i] * twice(i + 1)
    }
    widths = [1, 2, 3] + [4]
    third = 1 / 3
    y = kept[layers] * third * 3 + widths[-1] + len(widths[1:3])
    if layers == 2 {
        y = y * 0
    } else if layers % 3 == 0 && !(layers > 3) {
        y = y + fact(5)
    }
    if layers > 100 || floor_divide(7, 2) == 3 {
        y = y + pow(2, 10)
    }
    output y
}`)
	near(t, "y", call(t, m, ir.Forward, "forward", floats([]int{2}, 1, 0))[0], 48+4+2+10+1024, 4+2+10+1024)
}

// TestScan computes a running sum, a count and what it captures from around it.
func TestScan(t *testing.T) {
	m := machine(t, `
block Run() {
    input xs [batch, time, d]
    layer scale = Scale()
    ys, last, n = scan x in xs over time carry h = zeros([batch, d]), n = 0.0 {
        h = h + (x -> scale)
        n = n + 1
        yield 10 * h
    }
    output ys, last, n
}
block Scale() {
    input x [...]
    param weight [] = 3
    output x * weight
}
model M() {
    input xs float32[batch, time, 1]
    a, b, c = xs -> Run
    output a, b, c
}`)
	out := call(t, m, ir.Forward, "forward", floats([]int{1, 3, 1}, 1, 2, 3))
	near(t, "yields", out[0], 30, 90, 180)
	near(t, "last", out[1], 18)
	near(t, "count", out[2], 3)
	if r := m.Prog.Entries[0].Outputs[0].Value.Type.Shape; r[1].String() != "time" {
		t.Errorf("the yields' shape is %v, want time on axis 1", r)
	}
}

// TestIndexing compares slices with NumPy's rules worked out by hand.
func TestIndexing(t *testing.T) {
	m := machine(t, `
model M() {
    input x float32[batch, 3, 2]
    output a = x[:, 1], b = x[..., -1], c = x[:, ::-1, 0], d = x[:, 1:, :1], e = x[:, 0:3:2, 1], f = x[0]
}`)
	out := call(t, m, ir.Forward, "forward", floats([]int{1, 3, 2}, 1, 2, 3, 4, 5, 6))
	near(t, "a", out[0], 3, 4)
	near(t, "b", out[1], 2, 4, 6)
	near(t, "c", out[2], 5, 3, 1)
	near(t, "d", out[3], 3, 5)
	near(t, "e", out[4], 2, 6)
	near(t, "f", out[5], 1, 2, 3, 4, 5, 6)
}

// TestPatterns compares rearrange and einsum with their definitions.
func TestPatterns(t *testing.T) {
	m := machine(t, `
model M() {
    input x float32[batch, 4]
    input y float32[2, 3]
    output a = x -> rearrange("b (h d) -> b d h", h = 2),
           b = einsum("ij,kj->ik", y, y),
           c = einsum("ij->j", y),
           d = einsum("i,j->ij", y[0], y[:, 0]),
           e = matmul(y, y[0]),
           f = y -> rearrange("a b -> (b a) 1")
}`)
	out := call(t, m, ir.Forward, "forward", floats([]int{1, 4}, 1, 2, 3, 4), floats([]int{2, 3}, 1, 2, 3, 4, 5, 6))
	near(t, "a", out[0], 1, 3, 2, 4)
	near(t, "b", out[1], 14, 32, 32, 77)
	near(t, "c", out[2], 5, 7, 9)
	near(t, "d", out[3], 1, 4, 2, 8, 3, 12)
	near(t, "e", out[4], 14, 32)
	near(t, "f", out[5], 1, 4, 2, 5, 3, 6)
}

// TestChecks leaves conditions on dimensions to run time, each once.
func TestChecks(t *testing.T) {
	m := machine(t, `
block B() {
    input x [batch, time]
    assert time <= 8, "time is at most 8"
    output x
}
model M() {
    input x float32[batch, time]
    input y float32[batch, width]
    output x -> a: B -> b: B, x + y
}`)
	var have []string
	for _, c := range m.Prog.Entries[0].Checks {
		have = append(have, c.Cond.String()+" "+c.Message)
	}
	want := []string{"le(dim(time), 8) time is at most 8", "eq(dim(width), dim(time)) width must equal time"}
	if !slices.Equal(have, want) {
		t.Errorf("checks %q, want %q", have, want)
	}
}

// TestNames stores tensors under given names, ties weights, and inherits @init.
func TestNames(t *testing.T) {
	m := machine(t, `
block Cell(l) {
    input x [batch, d]
    @name("weight_l{l}") param weight [d, d] = ones
    output matmul(x, weight)
}
@init(constant(0.5))
model M() {
    input x float32[batch, 2]
    layer emb = linear(2, bias = false)
    @init(constant(0.25)) y = x -> emb -> cell: Cell(3) -> other: linear(2, bias = false)
    output y -> tied: linear(2, bias = false, weight = emb.weight)
}`)
	var names []string
	for _, v := range m.Prog.Vars {
		names = append(names, v.Name)
	}
	if have, want := strings.Join(names, " "), "emb.weight cell.weight_l3 other.weight"; have != want {
		t.Errorf("tensors %s, want %s", have, want)
	}
	near(t, "model's @init", stored(t, m, "emb.weight"), .5, .5, .5, .5)
	near(t, "innermost @init", stored(t, m, "other.weight"), .25, .25, .25, .25)
	near(t, "explicit", stored(t, m, "cell.weight_l3"), 1, 1, 1, 1)
}
