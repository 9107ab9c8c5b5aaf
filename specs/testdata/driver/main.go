// Command driver trains generated models on the batches that a test wrote, and
// writes what it saw. The test puts the list of models beside it.
package main

import (
	"encoding/gob"
	"fmt"
	"os"
	"reflect"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Job is a number of steps of one train block on one batch, or a list of calls.
type Job struct {
	Package string
	Block   int
	Seed    uint64
	Steps   int
	Rate    float64 // factor of the learning rate
	Inputs  []Tensor
	Calls   []Call
}

// Call is a step of a train block.
type Call struct {
	Block  int
	Inputs []Tensor
}

// Tensor is a shape with its elements, row-major.
type Tensor struct {
	Shape []int
	Data  []float64
}

// Result is what a job gave: every stored tensor by number before the first step
// and after it, or after each call, and the loss of each step.
type Result struct {
	Names         []string
	Before, After []Tensor
	Each          [][]Tensor
	Losses        []float64
	Err           string
}

func main() {
	if err := work(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func work(jobFile, resultFile string) error {
	in, err := os.Open(jobFile)
	if err != nil {
		return err
	}
	defer in.Close()
	var jobs []Job
	if err := gob.NewDecoder(in).Decode(&jobs); err != nil {
		return err
	}
	results := make([]Result, len(jobs))
	for i, j := range jobs {
		if err := run(j, &results[i]); err != nil {
			results[i].Err = err.Error()
		}
	}
	out, err := os.Create(resultFile)
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(out).Encode(results); err != nil {
		return err
	}
	return out.Close()
}

func run(j Job, r *Result) error {
	g := models[j.Package]()
	if err := keeps(g); err != nil {
		return err
	}
	t := g.New(j.Seed).OpenTrainer(mlrt.Options{Threads: 2, Seed: j.Seed})
	defer t.Close()
	t.SetInput("lr_scale", j.Rate)
	for _, v := range g.Info.Vars {
		r.Names = append(r.Names, v.Name)
	}
	in := inputs(g, j.Block, j.Inputs)
	var err error
	if r.Before, err = stored(t); err != nil {
		return err
	}
	for s := range j.Steps {
		loss, err := t.Step(j.Block, in, false)
		if err != nil {
			return fmt.Errorf("step %d: %w", s+1, err)
		}
		r.Losses = append(r.Losses, float64(loss))
		if s == 0 {
			if r.After, err = stored(t); err != nil {
				return err
			}
		}
	}
	for i, c := range j.Calls {
		loss, err := t.Step(c.Block, inputs(g, c.Block, c.Inputs), false)
		if err != nil {
			return fmt.Errorf("call %d: %w", i+1, err)
		}
		r.Losses = append(r.Losses, float64(loss))
		now, err := stored(t)
		if err != nil {
			return err
		}
		r.Each = append(r.Each, now)
	}
	return nil
}

func inputs(g *mlrt.Generated, block int, list []Tensor) (in []mlrt.Tensor) {
	for k, x := range list {
		in = append(in, mlrt.Tensor{Shape: x.Shape, Data: narrow(g.Info.Trains[block].Inputs[k].DType, x.Data)})
	}
	return in
}

// keeps demands that a trainer starts from the weights it is given, whatever the
// initial ones are.
func keeps(g *mlrt.Generated) error {
	m := g.New(1)
	want := map[string]any{}
	for i, v := range g.Info.Vars {
		if v.Kind == mlrt.Optimizer {
			continue
		}
		n := 1
		for _, d := range v.Shape {
			n *= d
		}
		values := make([]float64, n)
		for k := range values {
			values[k] = 1 + float64((k+i)%7)/8 // nothing starts like that
		}
		data := narrow(v.DType, values)
		want[v.Name] = data
		if err := m.WriteVar(i, data); err != nil {
			return err
		}
	}
	t := m.OpenTrainer(mlrt.Options{Threads: 1})
	defer t.Close()
	for i, v := range g.Info.Vars {
		if v.Kind == mlrt.Optimizer {
			continue
		}
		n := 1
		for _, d := range v.Shape {
			n *= d
		}
		have := v.DType.Make(n)
		if err := t.ReadVar(i, have); err != nil {
			return err
		}
		if !reflect.DeepEqual(have, want[v.Name]) {
			return fmt.Errorf("a new trainer has other values of %s than its model", v.Name)
		}
	}
	return nil
}

func stored(m mlrt.Model) (list []Tensor, err error) {
	for i, v := range m.Info().Vars {
		n := 1
		for _, d := range v.Shape {
			n *= d
		}
		dst := v.DType.Make(n)
		if err := m.ReadVar(i, dst); err != nil {
			return nil, err
		}
		list = append(list, Tensor{v.Shape, widen(v.DType, dst)})
	}
	return list, nil
}

func narrow(t mlrt.DType, data []float64) any {
	switch t {
	case mlrt.Float32:
		out := make([]float32, len(data))
		for i, v := range data {
			out[i] = float32(v)
		}
		return out
	case mlrt.BFloat16:
		out := make([]uint16, len(data))
		for i, v := range data {
			out[i] = mlrt.ToBFloat16(float32(v))
		}
		return out
	case mlrt.Int32:
		out := make([]int32, len(data))
		for i, v := range data {
			out[i] = int32(v)
		}
		return out
	}
	panic(fmt.Sprint("no example has inputs of type ", t))
}

func widen(t mlrt.DType, data any) []float64 {
	var out []float64
	switch s := data.(type) {
	case []float32:
		for _, v := range s {
			out = append(out, float64(v))
		}
	case []uint16:
		for _, v := range s {
			f := mlrt.FromBFloat16(v)
			if t == mlrt.Float16 {
				f = mlrt.FromFloat16(v)
			}
			out = append(out, float64(f))
		}
	default:
		panic(fmt.Sprintf("no example stores %T", data))
	}
	return out
}
