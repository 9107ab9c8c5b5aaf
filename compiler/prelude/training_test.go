package prelude_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
)

// TestOptimizers compares the optimizers that PyTorch 1.13 does not have with
// their papers' algorithms, over three steps on one matrix.
func TestOptimizers(t *testing.T) {
	const rows, columns = 2, 3
	for _, tc := range []struct {
		text string
		step func(s map[string][]float64, p, g []float64, n float64)
	}{
		{"lion(lr = 0.1, weight_decay = 0.2)", func(s map[string][]float64, p, g []float64, n float64) {
			for i := range p {
				u := 0.9*s["m"][i] + 0.1*g[i]
				s["m"][i] = 0.99*s["m"][i] + 0.01*g[i]
				p[i] -= 0.1 * (math.Copysign(1, u) + 0.2*p[i])
			}
		}},
		{"lamb(lr = 0.1, weight_decay = 0.2)", func(s map[string][]float64, p, g []float64, n float64) {
			r := make([]float64, len(p))
			for i := range p {
				s["m"][i] = 0.9*s["m"][i] + 0.1*g[i]
				s["v"][i] = 0.999*s["v"][i] + 0.001*g[i]*g[i]
				r[i] = s["m"][i]/(1-math.Pow(0.9, n))/(math.Sqrt(s["v"][i]/(1-math.Pow(0.999, n)))+1e-6) + 0.2*p[i]
			}
			trust := length(p) / length(r)
			for i := range p {
				p[i] -= 0.1 * trust * r[i]
			}
		}},
		{"lars(lr = 2, momentum = 0.5, weight_decay = 0.2)", func(s map[string][]float64, p, g []float64, n float64) {
			rate := 2 * 1e-3 * length(p) / (length(g) + 0.2*length(p) + 1e-8)
			for i := range p {
				s["m"][i] = 0.5*s["m"][i] + rate*(g[i]+0.2*p[i])
			}
			for i := range p {
				p[i] -= s["m"][i]
			}
		}},
		{"adafactor(lr = 0.1, weight_decay = 0.2)", func(s map[string][]float64, p, g []float64, n float64) {
			keep := math.Pow(n, -0.8)
			row, column := s["m"][:rows], s["v"][:columns]
			for i := range row {
				row[i] += keep * (length(g[i*columns:(i+1)*columns])*length(g[i*columns:(i+1)*columns])/columns - row[i])
			}
			for j := range column {
				column[j] += keep * ((g[j]*g[j]+g[columns+j]*g[columns+j])/rows - column[j])
			}
			u := make([]float64, len(p))
			for i := range p {
				u[i] = g[i] / math.Sqrt(row[i/columns]*column[i%columns]/((row[0]+row[1])/rows))
			}
			rms := func(x []float64) float64 { return length(x) / math.Sqrt(float64(len(x))) }
			rate := max(1e-3, rms(p)) * min(0.1, 1/math.Sqrt(n)) / max(1, rms(u))
			for i := range p {
				p[i] = p[i]*(1-0.1*0.2) - rate*u[i]
			}
		}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			m := compile(t, fmt.Sprintf("edition 1\n\nmodel O() {\n    input g float32[%d, %d]\n    param p [%d, %d] = zeros\n    output g + p\n"+
				"    train {\n        loss sum(p * g)\n        optimizer %s\n    }\n}\n", rows, columns, rows, columns, tc.text))
			set(m, "p", func(i int) float64 { return number(0, i) })
			want := slices.Clone(stored(m, "p"))
			state := map[string][]float64{"m": make([]float64, len(want)), "v": make([]float64, len(want))}
			for n := 1; n <= 3; n++ {
				g := ir.NewDense(dim.Float32, rows, columns)
				for i := range g.Data {
					g.Data[i] = number(n, i)
				}
				m.Step = int64(n)
				if _, err := m.Run(m.Entry(ir.Train, "train"), g); err != nil {
					t.Fatal(err)
				}
				tc.step(state, want, g.Data, float64(n))
				near(t, fmt.Sprintf("after step %d", n), stored(m, "p"), want, 1e-9)
			}
		})
	}
}

func length(x []float64) float64 { return math.Sqrt(sum(x, func(v float64) float64 { return v * v })) }

// TestMuonStepsAreNearlyOrthogonal checks what the iteration is for: all singular
// values of a step come near one, which Newton-Schulz with these coefficients keeps
// within 0.6 and 1.25.
func TestMuonStepsAreNearlyOrthogonal(t *testing.T) {
	m := compile(t, "edition 1\n\nmodel O() {\n    input g float32[4, 2]\n    param p [4, 2] = zeros\n    output g + p\n"+
		"    train {\n        loss sum(p * g)\n        optimizer muon(lr = 1, weight_decay = 0)\n    }\n}\n")
	g := ir.NewDense(dim.Float32, 4, 2)
	for i := range g.Data {
		g.Data[i] = number(0, i)
	}
	if _, err := m.Run(m.Entry(ir.Train, "train"), g); err != nil {
		t.Fatal(err)
	}
	p := stored(m, "p")
	var a, b, c float64 // of pᵀp / 2, where 2 = rows / columns is the rate's square
	for i := 0; i < 8; i += 2 {
		a, b, c = a+p[i]*p[i]/2, b+p[i]*p[i+1]/2, c+p[i+1]*p[i+1]/2
	}
	middle, spread := (a+c)/2, math.Sqrt((a-c)*(a-c)/4+b*b)
	for _, s := range []float64{math.Sqrt(middle - spread), math.Sqrt(middle + spread)} {
		if !(s > 0.6 && s < 1.25) {
			t.Errorf("singular value %g", s)
		}
	}
}

// TestAveragesNeverEndSubnormal requires that a gradient which stops leaves no
// moving average among the small numbers that float32 is slow on.
func TestAveragesNeverEndSubnormal(t *testing.T) {
	for _, optimizer := range []string{
		"sgd(momentum = 0.9)", "adam(betas = [0.9, 0.9])", "adamw(betas = [0.9, 0.9])", "nadam(betas = [0.9, 0.9])", "radam(betas = [0.9, 0.9])", "adamax()",
		"rmsprop(alpha = 0.9, momentum = 0.9, centered = true)", "adadelta()", "lamb(betas = [0.9, 0.9])", "lars(momentum = 0.9)", "lion(betas = [0.9, 0.9])", "muon(momentum = 0.9)",
	} {
		t.Run(optimizer, func(t *testing.T) {
			m := compile(t, "edition 1\n\nmodel O() {\n    input g float32[2, 2]\n    param p [2, 2] = ones\n    output g + p\n"+
				"    train {\n        loss sum(p * g)\n        optimizer "+optimizer+"\n    }\n}\n")
			g := ir.NewDense(dim.Float32, 2, 2)
			for i := range g.Data {
				g.Data[i] = float64(i+1) * 1e-6
			}
			for n := 1; n <= 900; n++ {
				m.Step = int64(n)
				if _, err := m.Run(m.Entry(ir.Train, "train"), g); err != nil {
					t.Fatal(err)
				}
				clear(g.Data)
				for _, v := range m.Prog.Vars {
					for _, x := range m.Vars[v].Data {
						if x != 0 && math.Abs(x) < 1e-36 {
							t.Fatalf("%s has %g after step %d", v.Name, x, n)
						}
					}
				}
			}
			if v := m.Prog.Vars; len(v) < 2 {
				t.Fatal("this optimizer keeps nothing")
			}
		})
	}
}

// TestMetrics compares metrics over two batches with their definitions over both.
func TestMetrics(t *testing.T) {
	// Scores 0.05 above their class's place, so that thresholds and ties are clear.
	scores := [][]float64{{0.9, 0.2, 0.6, 0.4}, {0.7, 0.1, 0.3, 0.8}}
	labels := [][]float64{{1, 0, 0, 1}, {1, 0, 1, 1}}
	for _, tc := range []struct {
		text string
		want []float64
	}{
		{"precision(x, y)", []float64{3. / 4}},
		{"recall(x, y)", []float64{3. / 5}},
		{"f1(x, y)", []float64{6. / 9}},
		{"mean_absolute_error(x, y)", []float64{(0.1 + 0.2 + 0.6 + 0.6 + 0.3 + 0.1 + 0.7 + 0.2) / 8}},
		{"auc(x, y, thresholds = 401)", []float64{13. / 15}}, // of 5 x 3 pairs, 2 are in the wrong order
		{"r2(x, y)", []float64{1 - (0.01+0.04+0.36+0.36+0.09+0.01+0.49+0.04)/(5*3./8)}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			m := compile(t, "edition 1\n\nmodel M() {\n    input x float32[4]\n    param p [] = zeros\n    output x + p\n    train {\n        input y float32[4]\n"+
				"        loss p * p\n        metric m = "+tc.text+"\n        optimizer sgd(lr = 0.1)\n    }\n}\n")
			near(t, "metric", epoch(t, m, "train", 2, func(k int) []ir.Dense {
				return []ir.Dense{{Shape: []int{4}, Data: scores[k]}, {Shape: []int{4}, Data: labels[k]}}
			}), tc.want, 1e-12)
		})
	}
}

// TestClassMetrics has logits of three classes.
func TestClassMetrics(t *testing.T) {
	logits := []float64{2, 1, 0, 0, 3, 1, 1, 0, 2, 0, 1, 0}
	labels := []float64{0, 2, 2, 1}
	logSum := 0.0
	for i, y := range labels {
		row := logits[3*i : 3*i+3]
		logSum += math.Log(sum(row, math.Exp)) - row[int(y)]
	}
	for _, tc := range []struct {
		text string
		want []float64
	}{
		{"confusion(x, y)", []float64{1, 0, 0, 0, 1, 0, 0, 1, 1}},
		{"perplexity(x, y)", []float64{math.Exp(logSum / 4)}},
		{"precision(x, y)", []float64{(1 + 0.5 + 1) / 3}},
		{"recall(x, y, average = \"micro\")", []float64{3. / 4}},
		{"f1(x, y)", []float64{(1 + 2./3 + 2./3) / 3}},
		{"mean_iou(x, y)", []float64{(1 + 0.5 + 0.5) / 3}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			m := compile(t, "edition 1\n\nmodel M() {\n    input x float32[4, 3]\n    param p [] = zeros\n    output x + p\n    train {\n        input y int32[4]\n"+
				"        loss p * p\n        metric m = "+tc.text+"\n        optimizer sgd(lr = 0.1)\n    }\n}\n")
			near(t, "metric", epoch(t, m, "train", 1, func(int) []ir.Dense {
				return []ir.Dense{{Shape: []int{4, 3}, Data: logits}, {Shape: []int{4}, Data: labels}}
			}), tc.want, 1e-12)
		})
	}
}

// TestAccuracy has a tie of the best class (the first one counts) and of the second.
func TestAccuracy(t *testing.T) {
	m := compile(t, "edition 1\n\nmodel M() {\n    input x float32[5, 3]\n    input y int32[5]\n    output accuracy(x, y), accuracy(x, y, top = 2), accuracy(x, one_hot(y, 3)), accuracy(transpose(x), y, axis = 0),\n"+
		"        accuracy(x, y, top = 3)\n}\n")
	x := []float64{2, 1, 0, 0, 3, 1, 4, 4, 1, 0, 1, 1, 5, -2, -1}
	out, err := m.Run(m.Entry(ir.Forward, "forward"), ir.Dense{Shape: []int{5, 3}, Data: x}, ir.Dense{DType: dim.Int32, Shape: []int{5}, Data: []float64{0, 2, 1, 2, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1. / 5, 4. / 5, 1. / 5, 1. / 5, 1} {
		near(t, "accuracy", out[i].Data, []float64{want}, 1e-12)
	}
}

// TestCharErrorRate compares with edit distances counted by hand: blank 0, letters 1 to 4.
func TestCharErrorRate(t *testing.T) {
	frames := [][]int{
		{1, 1, 0, 1, 2, 0, 3}, // 1 1 2 3, target 1 2 3: one deletion
		{0, 0, 0, 0, 4, 4, 2}, // of 5 frames: 4, target 4 2: one insertion
		{2, 0, 2, 2, 3, 1, 0}, // 2 2 3 1, target 3: three deletions
		{1, 2, 0, 0, 0, 0, 0}, // 1 2, no target: two deletions
	}
	lengths, targets, counts := []float64{7, 5, 7, 7}, []float64{1, 2, 3, 4, 2, 0, 3, 0, 0, 0, 0, 0}, []float64{3, 2, 1, 0}
	scores := ir.NewDense(dim.Float32, 4, 7, 5)
	for b, row := range frames {
		for f, c := range row {
			scores.Data[(b*7+f)*5+c] = 1
		}
	}
	m := compile(t, "edition 1\n\nmodel M() {\n    input x float32[4, 7, 5]\n    param p [] = zeros\n    output x + p\n    train {\n        input y int32[4, 3]\n        input n int32[4]\n        input k int32[4]\n"+
		"        loss p * p\n        metric m = char_error_rate(x, y, n, k)\n        optimizer sgd(lr = 0.1)\n    }\n}\n")
	near(t, "rate", epoch(t, m, "train", 1, func(int) []ir.Dense {
		return []ir.Dense{scores, {DType: dim.Int32, Shape: []int{4, 3}, Data: targets}, {DType: dim.Int32, Shape: []int{4}, Data: lengths}, {DType: dim.Int32, Shape: []int{4}, Data: counts}}
	}), []float64{7. / 6}, 1e-12)
}

// epoch runs the train block on n batches from zero states and finishes its metric.
func epoch(t *testing.T, m *eval.Reference, train string, n int, batch func(k int) []ir.Dense) []float64 {
	t.Helper()
	e := m.Entry(ir.Train, train)
	metric := e.Metrics[0]
	for k := range n {
		if _, err := m.Run(e, batch(k)...); err != nil {
			t.Fatal(err)
		}
	}
	var states []ir.Dense
	for _, v := range metric.States {
		states = append(states, m.Vars[v])
	}
	out, err := m.Call(metric.Finish, nil, states...)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Data
}

// TestSchedules compares rates at some steps with their formulas: sgd on a gradient
// of one leaves the negated rate.
func TestSchedules(t *testing.T) {
	for _, tc := range []struct {
		text string
		want func(step float64) float64
	}{
		{"noam(512, warmup = 10)", func(n float64) float64 { return math.Pow(512, -0.5) * min(math.Pow(n, -0.5), n*math.Pow(10, -1.5)) }},
		{"polynomial(0.5, steps = 20, power = 2, end = 0.1)", func(n float64) float64 { return 0.1 + 0.4*math.Pow(1-min(n-1, 20)/20, 2) }},
		{"linear_decay(0.5, steps = 20)", func(n float64) float64 { return 0.5 * (1 - min(n-1, 20)/20) }},
		{"multi_step(0.5, milestones = [3, 7])", func(n float64) float64 {
			switch {
			case n-1 < 3:
				return 0.5
			case n-1 < 7:
				return 0.05
			}
			return 0.005
		}},
		{"cosine_restarts(0.5, period = 2, mult = 2)", func(n float64) float64 {
			t, period := n-1, 2.0
			for t >= period {
				t, period = t-period, 2*period
			}
			return 0.25 * (1 + math.Cos(math.Pi*t/period))
		}},
		{"cyclic(0.1, 0.5, step_size_up = 4, step_size_down = 2, mode = \"exp_range\", gamma = 0.9)", func(n float64) float64 {
			t := math.Mod(n-1, 6)
			return 0.1 + 0.4*min(t/4, (6-t)/2)*math.Pow(0.9, n-1)
		}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			m := compile(t, "edition 1\n\nmodel S() {\n    input x float32[1]\n    param p [1] = zeros\n    output x + p\n    train {\n        loss sum(p)\n"+
				"        optimizer sgd(lr = "+tc.text+")\n    }\n}\n")
			for n := 1; n <= 40; n++ {
				set(m, "p", func(int) float64 { return 0 })
				m.Step = int64(n)
				if _, err := m.Run(m.Entry(ir.Train, "train")); err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprintf("rate of step %d", n), []float64{-stored(m, "p")[0]}, []float64{tc.want(float64(n))}, 1e-12)
			}
		})
	}
}

// TestDroppedShapes checks what each kind of dropout drops together, and that what
// stays is scaled so that the mean stays.
func TestDroppedShapes(t *testing.T) {
	for _, tc := range []struct {
		text  string
		block int // elements that go together
	}{
		{"dropout2d(p = 0.25)", 4}, {"drop_path(p = 0.25)", 12},
	} {
		t.Run(tc.text, func(t *testing.T) {
			m := compile(t, "edition 1\n\nmodel D() {\n    input x float32[200, 3, 2, 2]\n    param p [] = zeros\n    buffer b [200, 3, 2, 2] = zeros\n    y = x + p -> "+tc.text+
				"\n    output y\n    train {\n        update b = y\n        loss mean(y)\n        optimizer sgd(lr = 0.1)\n    }\n}\n")
			x := ir.NewDense(dim.Float32, 200, 3, 2, 2)
			for i := range x.Data {
				x.Data[i] = 1
			}
			if _, err := m.Run(m.Entry(ir.Train, "train"), x); err != nil {
				t.Fatal(err)
			}
			y := stored(m, "b")
			dropped := 0
			for i := 0; i < len(y); i += tc.block {
				for _, v := range y[i : i+tc.block] {
					if v != y[i] || v != 0 && math.Abs(v-4./3) > 1e-12 {
						t.Fatalf("element %d is %g, its block starts with %g", i, v, y[i])
					}
				}
				if y[i] == 0 {
					dropped++
				}
			}
			n := float64(len(y) / tc.block)
			if d := math.Abs(float64(dropped) - n/4); d > 5*math.Sqrt(n*3/16) {
				t.Errorf("%d of %g blocks are dropped, want about a quarter", dropped, n)
			}
			set(m, "p", func(int) float64 { return 0 })
			out, err := m.Run(m.Entry(ir.Forward, "forward"), x)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "inference", out[0].Data, x.Data, 0)
		})
	}
}
