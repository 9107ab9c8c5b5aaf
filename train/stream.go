package train

import (
	"context"
	"fmt"
	"iter"
	wide "math/bits"
	"strings"
	"sync"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Batch holds the inputs of one training step, in the order in which the train
// block declares them.
type Batch []mlrt.Tensor

// Stream yields the batches of an epoch, counted from 0. It must give the same
// batches for the same epoch, or a resumed run differs from one that was not
// interrupted. A batch's memory is the stream's own again when the next one is
// asked for.
type Stream func(epoch int) iter.Seq2[Batch, error]

// RunStream is Run on batches that the caller makes: data that is larger than
// memory, comes over a network or is computed. Options.Batch bounds the batches
// of the evaluation on tests. A batch that does not fit the train block is an
// error that names the input and what it has and should have. A resumed run asks
// for the batches that it has trained on already and passes over them.
func RunStream(ctx context.Context, t mlrt.Trainer, training Stream, tests Data, o Options) (*Done, error) {
	r, err := newRun(t, tests, o)
	if err != nil {
		return nil, err
	}
	defer r.pool.Close()
	if len(r.blocks) > 1 {
		return nil, fmt.Errorf("%w: a stream feeds one train block, not %d", ErrMismatch, len(r.blocks))
	}
	r.source = &streamLoader{stream: training, inputs: t.Info().Trains[r.block].Inputs, ahead: o.Prefetch}
	return r.run(ctx)
}

// streamLoader checks the batches of a stream.
type streamLoader struct {
	stream Stream
	inputs []mlrt.Field
	ahead  int
}

func (l *streamLoader) batches(ctx context.Context, epoch, from int) iter.Seq2[loaded, error] {
	return func(yield func(loaded, error) bool) {
		seq := l.stream(epoch)
		if l.ahead > 0 {
			seq = Prefetch(ctx, seq, l.ahead)
		}
		k := 0
		for b, err := range seq {
			if k++; k <= from && err == nil {
				continue
			}
			one := loaded{inputs: [][]mlrt.Tensor{b}}
			if err == nil {
				one.samples, err = checkInputs(l.inputs, b)
			}
			if err != nil {
				err = fmt.Errorf("batch %d: %w", k, err)
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// checkInputs compares a batch with what the train block declares and returns
// the number of samples: the size of the first input's first axis.
func checkInputs(want []mlrt.Field, have Batch) (int, error) {
	if len(have) != len(want) {
		return 0, fmt.Errorf("%w: the batch has %d inputs, want %d", ErrMismatch, len(have), len(want))
	}
	sizes := map[string]int{}
	for i, in := range want {
		if reason := unfit(in, have[i], sizes); reason != "" {
			return 0, fmt.Errorf("%w: input %q is %s, want %s%s", ErrMismatch, in.Name, typeOf(have[i]), Describe(in), reason)
		}
	}
	if len(have) == 0 || len(have[0].Shape) == 0 {
		return 1, nil
	}
	return have[0].Shape[0], nil
}

// unfit returns why a tensor is not what an input takes, as the end of a
// sentence, and "" when it is. sizes holds the symbolic sizes so far.
func unfit(in mlrt.Field, t mlrt.Tensor, sizes map[string]int) string {
	n, ok := in.DType.Len(t.Data)
	switch {
	case !ok:
		return ": the element type differs"
	case len(t.Shape) != len(in.Shape):
		return ": the number of axes differs"
	}
	for i, d := range in.Shape {
		size := d.Size
		if d.Name != "" {
			if known, ok := sizes[d.Name]; ok {
				size = known
			} else {
				size, sizes[d.Name] = t.Shape[i], t.Shape[i]
			}
		}
		if t.Shape[i] != size {
			return fmt.Sprintf(": axis %d is %d, not %d", i, t.Shape[i], size)
		}
	}
	if elements(t.Shape) != n {
		return fmt.Sprintf(": %d elements do not have that shape", n)
	}
	return ""
}

// typeOf describes a tensor, such as "int32[64, 10]".
func typeOf(t mlrt.Tensor) string {
	name := fmt.Sprintf("%T", t.Data)
	for d := mlrt.Float32; d <= mlrt.Bool; d++ {
		if _, ok := d.Len(t.Data); ok {
			name = d.String()
			break
		}
	}
	return name + "[" + strings.Join(strings.Fields(strings.Trim(fmt.Sprint(t.Shape), "[]")), ", ") + "]"
}

// Prefetch runs seq on a goroutine of its own, up to ahead batches before they
// are asked for, and yields copies of its batches; their memory is used again
// after ahead+1 more. An error of seq arrives in its place. The goroutine ends
// with the range, with ctx, or with seq; it cannot interrupt seq between two
// batches.
func Prefetch(ctx context.Context, seq iter.Seq2[Batch, error], ahead int) iter.Seq2[Batch, error] {
	type item struct {
		b   Batch
		err error
	}
	return func(yield func(Batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		free, full := make(chan Batch, ahead+1), make(chan item, ahead+1)
		var worker sync.WaitGroup
		defer worker.Wait()
		defer cancel()
		for range ahead + 1 {
			free <- nil
		}
		worker.Go(func() {
			defer close(full)
			for b, err := range seq {
				select {
				case memory := <-free:
					full <- item{copyBatch(memory, b), err} // there is room for each of free's batches
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
		})
		for it := range full {
			if !yield(it.b, it.err) || it.err != nil {
				return
			}
			free <- it.b
		}
	}
}

// copyBatch copies b into dst where its tensors have room, into new memory
// elsewhere.
func copyBatch(dst, b Batch) Batch {
	if len(dst) != len(b) {
		dst = make(Batch, len(b))
	}
	for i, t := range b {
		dst[i].Shape = append(dst[i].Shape[:0], t.Shape...)
		dst[i].Data = copyData(dst[i].Data, t.Data)
	}
	return dst
}

func copyData(dst, src any) any {
	switch s := src.(type) {
	case []float32:
		return refill(dst, s)
	case []float64:
		return refill(dst, s)
	case []uint16:
		return refill(dst, s)
	case []int64:
		return refill(dst, s)
	case []int32:
		return refill(dst, s)
	case []int16:
		return refill(dst, s)
	case []int8:
		return refill(dst, s)
	case []uint8:
		return refill(dst, s)
	case []bool:
		return refill(dst, s)
	}
	return src // not an element type: the check of inputs refuses it
}

func refill[T any](dst any, src []T) []T {
	d, _ := dst.([]T)
	return append(d[:0], src...)
}

// ShuffleWindow yields the items of seq in another order: it keeps window items
// and hands out one of them, chosen by seed and epoch, for each that comes in.
// Data that is read in order is mixed within about a window; a window as long as
// the data mixes it fully. Items must not share memory that seq uses again.
func ShuffleWindow[T any](seq iter.Seq2[T, error], window int, seed uint64, epoch int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		key := mlrt.StreamKey(seed, "window")
		var held []T
		out := 0
		take := func() T {
			w := mlrt.Philox(key, [4]uint32{uint32(out), uint32(uint64(out) >> 32), uint32(epoch), uint32(uint64(epoch) >> 32)})
			out++
			i, _ := wide.Mul64(uint64(w[0])|uint64(w[1])<<32, uint64(len(held)))
			last := len(held) - 1
			item := held[i]
			held[i] = held[last]
			held = held[:last]
			return item
		}
		for item, err := range seq {
			if err != nil {
				yield(item, err)
				return
			}
			held = append(held, item)
			if len(held) > window && !yield(take(), nil) {
				return
			}
		}
		for len(held) > 0 {
			if !yield(take(), nil) {
				return
			}
		}
	}
}
