// Command gorgonia is Gorgonia as a peer of the benchmark: one JSON line for each
// line "train OPTIMIZER BATCH SECONDS" on standard input. The model is the
// 784-128-10 classifier, the optimizer sgd with momentum 0.9 or adam. Random data.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	out := json.NewEncoder(os.Stdout)
	check(out.Encode(map[string]string{"name": "Gorgonia", "version": "0.9.18"}))
	steps := map[string]func(){}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var kind, optimizer string
		var batch int
		var seconds float64
		_, err := fmt.Sscan(in.Text(), &kind, &optimizer, &batch, &seconds)
		check(err)
		key := fmt.Sprint(optimizer, batch)
		if steps[key] == nil {
			steps[key] = trainer(optimizer, batch)
			steps[key]()
		}
		check(out.Encode(timed(steps[key], seconds)))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func timed(step func(), seconds float64) map[string]float64 {
	var times []float64
	for end := time.Now().Add(time.Duration(seconds * 1e9)); len(times) < 3 || time.Now().Before(end); {
		begin := time.Now()
		step()
		times = append(times, float64(time.Since(begin).Nanoseconds())/1e3)
	}
	slices.Sort(times)
	return map[string]float64{"us_median": times[len(times)/2], "us_min": times[0]}
}

func node(n *gorgonia.Node, err error) *gorgonia.Node {
	check(err)
	return n
}

// trainer returns a training step: a tape machine over the graph of the loss and
// its gradients, then the solver.
func trainer(optimizer string, batch int) func() {
	g := gorgonia.NewGraph()
	matrix := func(name string, rows, columns int, init gorgonia.InitWFn) *gorgonia.Node {
		options := []gorgonia.NodeConsOpt{gorgonia.WithShape(rows, columns), gorgonia.WithName(name)}
		if init != nil {
			options = append(options, gorgonia.WithInit(init))
		}
		return gorgonia.NewMatrix(g, gorgonia.Float32, options...)
	}
	x, y := matrix("x", batch, 784, nil), matrix("y", batch, 10, nil)
	w1, b1 := matrix("w1", 784, 128, gorgonia.GlorotU(1)), matrix("b1", 1, 128, gorgonia.Zeroes())
	w2, b2 := matrix("w2", 128, 10, gorgonia.GlorotU(1)), matrix("b2", 1, 10, gorgonia.Zeroes())
	linear := func(x, w, b *gorgonia.Node) *gorgonia.Node {
		return node(gorgonia.BroadcastAdd(node(gorgonia.Mul(x, w)), b, nil, []byte{0}))
	}
	logits := linear(node(gorgonia.Rectify(linear(x, w1, b1))), w2, b2)
	likelihood := node(gorgonia.HadamardProd(y, node(gorgonia.Log(node(gorgonia.SoftMax(logits))))))
	loss := node(gorgonia.Neg(node(gorgonia.Mean(node(gorgonia.Sum(likelihood, 1))))))
	parameters := gorgonia.Nodes{w1, b1, w2, b2}
	_, err := gorgonia.Grad(loss, parameters...)
	check(err)

	images, labels := make([]float32, batch*784), make([]float32, batch*10)
	for i := range images {
		images[i] = float32(rand.NormFloat64())
	}
	for i := range batch {
		labels[10*i+rand.IntN(10)] = 1
	}
	xs := tensor.New(tensor.WithShape(batch, 784), tensor.WithBacking(images))
	ys := tensor.New(tensor.WithShape(batch, 10), tensor.WithBacking(labels))
	var solver gorgonia.Solver = gorgonia.NewMomentum(gorgonia.WithLearnRate(0.01), gorgonia.WithMomentum(0.9))
	if optimizer == "adam" {
		solver = gorgonia.NewAdamSolver(gorgonia.WithLearnRate(1e-3))
	}
	machine := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(parameters...))
	return func() {
		check(gorgonia.Let(x, xs))
		check(gorgonia.Let(y, ys))
		check(machine.RunAll())
		check(solver.Step(gorgonia.NodesToValueGrads(parameters)))
		machine.Reset()
	}
}
