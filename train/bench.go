package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	mlrt "github.com/mlc-go/mlc/runtime"
)

const (
	warmUp      = 3       // calls that are not measured: the first one takes the memory
	profiled    = 20      // calls at least whose kernels are timed one by one, after the others,
	profileFor  = 0.25    // for so much of the time for the others,
	maxProfiled = 1 << 12 // and calls at most
)

// call is an entry or a train block with made-up inputs.
type call struct {
	entry string
	run   func() error
}

// bench measures entries, or steps of train blocks, on made-up samples.
func (p *program) bench(ctx context.Context, job Job) (err error) {
	o := mlrt.Options{Batch: job.Batch, Threads: job.Threads, Seed: job.Seed, Target: job.Target}
	if o.Threads == 0 {
		o.Threads = min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	}
	calls, done, err := p.calls(job, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	for i, c := range calls {
		b := Benched{Entry: c.entry, Mode: job.Mode, Batch: job.Batch, Threads: o.Threads, Target: target(o.Target)}
		var work Work
		if i < len(job.Work) {
			work = job.Work[i]
		}
		if err := b.measure(ctx, c.run, job.Seconds, work); err != nil {
			return fmt.Errorf("%s: %w", c.entry, err)
		}
		p.tell(b)
	}
	return nil
}

// target names the code path that generated code takes.
func target(forced string) string {
	switch {
	case forced != "":
		return forced
	case mlrt.HasAVX512:
		return "avx512"
	case mlrt.HasAVX2:
		return "avx2"
	}
	return "go"
}

// calls prepares what the job measures: the chosen train block, or all of them;
// for inference all entries.
func (p *program) calls(job Job, o mlrt.Options) (calls []call, done func() error, err error) {
	m := p.g.New(job.Seed)
	if job.Mode == "infer" {
		s := m.OpenSession(o)
		for i, e := range p.g.Info.Entries {
			in, err := madeUp(e.Inputs, job)
			if err != nil {
				return nil, s.Close, errors.Join(err, s.Close())
			}
			calls = append(calls, call{e.Name, func() error {
				_, err := s.Run(i, in)
				return err
			}})
		}
		return calls, s.Close, nil
	}
	t := m.OpenTrainer(o)
	for i, b := range p.g.Info.Trains {
		if job.Block != "" && b.Name != job.Block {
			continue
		}
		in, err := madeUp(b.Inputs, job)
		if err != nil {
			return nil, t.Close, errors.Join(err, t.Close())
		}
		calls = append(calls, call{b.Name, func() error {
			_, err := t.Step(i, in, false)
			return err
		}})
	}
	return calls, t.Close, nil
}

// measure times calls for the given seconds, then their kernels.
func (b *Benched) measure(ctx context.Context, run func() error, seconds float64, work Work) error {
	for range warmUp {
		if err := run(); err != nil {
			return err
		}
	}
	var before, after runtime.MemStats
	times := make([]time.Duration, 0, 1<<15)
	runtime.ReadMemStats(&before)
	err := repeat(ctx, seconds, &times, run)
	runtime.ReadMemStats(&after)
	if err != nil {
		return err
	}
	b.Steps = len(times)
	b.Allocations = Number(float64(after.Mallocs-before.Mallocs) / float64(len(times)))
	b.StepMedian = micros(median(times))
	b.StepMin = micros(times[0])
	b.SamplesPerSecond = Number(float64(b.Batch)*1e6) / b.StepMedian
	b.RSS = peakMemory()
	b.PeakGflops = Number(peakGflops(b.Threads))
	b.Bound = Number(work.Flops/1e3) / b.PeakGflops
	b.Gflops = Number(work.Flops/1e3) / b.StepMedian
	b.PeakShare = b.Gflops / b.PeakGflops
	b.Kernels, err = profile(ctx, run, profileFor*seconds, work)
	return err
}

func micros(d time.Duration) Number { return Number(float64(d.Nanoseconds()) / 1e3) }

// profile times the kernels that run on the pool, over at least a few calls: the
// median of the time that a call spends in each.
func profile(ctx context.Context, run func() error, seconds float64, work Work) ([]KernelTime, error) {
	var mu sync.Mutex
	var rows []*profiledKernel
	known := map[mlrt.Task]*profiledKernel{} // to find a name takes longer than a small kernel
	mlrt.Observe(func(task mlrt.Task, d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		r := known[task]
		if r == nil {
			name := kernelName(task)
			i := slices.IndexFunc(rows, func(r *profiledKernel) bool { return r.name == name })
			if i < 0 {
				i = len(rows)
				rows = append(rows, &profiledKernel{name: name})
			}
			r = rows[i]
			known[task] = r
		}
		r.calls++
		r.now += d
	})
	defer mlrt.Observe(nil)
	var all []time.Duration
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); len(all) < profiled || time.Now().Before(end) && len(all) < maxProfiled; {
		begin := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		all = append(all, time.Since(begin))
		mu.Lock()
		for _, r := range rows {
			r.took, r.now = append(r.took, r.now), 0
		}
		mu.Unlock()
		if ctx.Err() != nil {
			return nil, ErrInterrupted
		}
	}
	rest := micros(median(all))
	var list []KernelTime
	for _, r := range rows {
		k := KernelTime{Name: r.name, Calls: Number(float64(r.calls) / float64(len(all))), Micros: micros(median(r.took))}
		rest -= k.Micros
		for _, w := range work.Kernels {
			if w.Name == k.Name {
				k.Line, k.Gflops = w.Line, Number(w.Flops/1e3)/k.Micros
			}
		}
		list = append(list, k)
	}
	return append(list, KernelTime{Name: "other", Calls: 1, Micros: max(rest, 0)}), nil
}

// profiledKernel is a kernel while its time is taken.
type profiledKernel struct {
	name  string
	calls int
	now   time.Duration   // in the present call
	took  []time.Duration // in each call before
}

// median sorts times.
func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// kernelName is the kernel of a task: a call of one knows it, and one of several
// kernels has a type, "*model.attentionTask2" for attention.
func kernelName(task mlrt.Task) string {
	if c, ok := task.(interface{ Name() string }); ok {
		return c.Name()
	}
	name := fmt.Sprintf("%T", task)
	name = name[strings.LastIndexByte(name, '.')+1:]
	return name[:max(0, strings.LastIndex(name, "Task"))]
}

// repeat calls f until the time is over or times is full, at least once.
func repeat(ctx context.Context, seconds float64, times *[]time.Duration, f func() error) error {
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for {
		begin := time.Now()
		if err := f(); err != nil {
			return err
		}
		now := time.Now()
		*times = append(*times, now.Sub(begin))
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		if now.After(end) || len(*times) == cap(*times) {
			return nil
		}
	}
}

// madeUp returns inputs of the right shape: numbers of the standard normal
// distribution, which keep a network alive over many steps on the same batch, and
// the integers 0 and 1, which every vocabulary and set of classes has.
func madeUp(inputs []mlrt.Field, job Job) ([]mlrt.Tensor, error) {
	var list []mlrt.Tensor
	for k, in := range inputs {
		shape := make([]int, len(in.Shape))
		for i, d := range in.Shape {
			n, given := job.Sizes[d.Name]
			switch {
			case d.Name == "":
				n = d.Size
			case given:
			case i == 0:
				n = job.Batch
			default:
				return nil, fmt.Errorf("%w: input %q is %s: give a size for %s", ErrMismatch, in.Name, Describe(in), d.Name)
			}
			shape[i] = n
		}
		data := in.DType.Make(elements(shape))
		fill(data, mlrt.StreamKey(job.Seed, in.Name), k)
		list = append(list, mlrt.Tensor{Shape: shape, Data: data})
	}
	return list, nil
}

func fill(data any, key [2]uint32, input int) {
	word := func(i int) uint32 { return mlrt.Philox(key, [4]uint32{uint32(i), uint32(input)})[0] }
	switch d := data.(type) {
	case []float32:
		for i := range d {
			d[i] = float32(normal(key, i, input))
		}
	case []float64:
		for i := range d {
			d[i] = normal(key, i, input)
		}
	case []int64:
		zeroOrOne(d, word)
	case []int32:
		zeroOrOne(d, word)
	case []int16:
		zeroOrOne(d, word)
	case []int8:
		zeroOrOne(d, word)
	case []uint8:
		zeroOrOne(d, word)
	case []bool:
		for i := range d {
			d[i] = word(i)&1 != 0
		}
	}
}

// normal is the i-th draw of an input from the standard normal distribution (Box
// and Muller 1958).
func normal(key [2]uint32, i, input int) float64 {
	w := mlrt.Philox(key, [4]uint32{uint32(i), uint32(input)})
	radius := math.Sqrt(-2 * math.Log(1-float64(mlrt.Uniform(w[0]))))
	return radius * math.Cos(2*math.Pi*float64(mlrt.Uniform(w[1])))
}

// zeroOrOne fills d with the integers 0 and 1.
func zeroOrOne[T int64 | int32 | int16 | int8 | uint8](d []T, word func(int) uint32) {
	for i := range d {
		d[i] = T(word(i) & 1)
	}
}
