package train

import (
	"slices"
	"sync"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// Column describes one column of a data set.
type Column = data.Column

// Data is a finite set of samples in named columns, such as a *data.Set. The
// loop reads it from one goroutine at a time, a *data.Set from several.
type Data interface {
	// Len returns the number of samples.
	Len() int
	// Columns describes the columns. The slice must not be changed.
	Columns() []Column
	// Read copies column c of the given samples, one after another, into dst: a
	// []float32, []float64, []int64, []int32, []int16, []int8, []uint8 or []bool
	// of len(samples) times the column's elements. It converts and preprocesses
	// as the set was told to.
	Read(c int, samples []int, dst any) error
}

// Fingerprinter is implemented by data sets that can name their content, such
// as by a checksum. The name goes into the run record.
type Fingerprinter interface {
	Fingerprint() string
}

// elements returns the number of elements of a shape.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// feed turns samples of a data set into the inputs of a train block or entry.
// Its buffers are reused from batch to batch.
type feed struct {
	data  Data
	binds []bind
	keys  [][2]uint32 // of draws, one a bind
	ready []batchTensors
	pool  *mlrt.Pool // that reads data, which is a *data.Set; nil: the caller reads
	part  reading
}

// newFeed binds the inputs to the columns of d and to x. The seed is that of
// draws.
func newFeed(inputs []mlrt.Field, d Data, x Feeds, seed uint64) (*feed, error) {
	binds, err := x.bind(inputs, d.Columns())
	if err != nil {
		return nil, err
	}
	f := &feed{data: d, binds: binds, keys: make([][2]uint32, len(binds))}
	for i, b := range binds {
		f.keys[i] = mlrt.StreamKey(seed, "draw/"+b.name)
	}
	return f, nil
}

// clone returns a feed with buffers of its own.
func (f *feed) clone() *feed { return &feed{data: f.data, binds: f.binds, keys: f.keys, pool: f.pool} }

// share has the threads of a pool read together, where the data can be read so.
func (f *feed) share(pool *mlrt.Pool) {
	if _, ok := f.data.(*data.Set); ok && pool.Threads() > 1 {
		f.pool = pool
	}
}

// read copies a column of the samples.
func (f *feed) read(column int, samples []int, dst any) error {
	values, ok := dst.([]float32)
	if f.pool == nil || !ok || len(values) < 2*readElements {
		return f.data.Read(column, samples, dst)
	}
	size := len(values) / len(samples)
	f.part = reading{data: f.data, column: column, samples: samples, dst: values, size: size, step: max(1, readElements/size)}
	f.pool.Run((len(samples)+f.part.step-1)/f.part.step, &f.part)
	return f.part.err
}

// readElements is how many numbers a thread reads at a time: some microseconds of work.
const readElements = 1 << 13

// reading is a column that several threads read.
type reading struct {
	data       Data
	column     int
	samples    []int
	dst        []float32
	size, step int // elements of a sample, samples of an item

	mu  sync.Mutex
	err error
}

// Item reads the i-th share of the samples.
func (r *reading) Item(_, i int) {
	lo := i * r.step
	hi := min(lo+r.step, len(r.samples))
	if err := r.data.Read(r.column, r.samples[lo:hi], r.dst[lo*r.size:hi*r.size]); err != nil {
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
	}
}

// batchTensors are the input tensors of one batch size.
type batchTensors struct {
	n       int
	tensors []mlrt.Tensor
	reads   []any // where the data set writes: the tensor's memory or class indices
}

// keptSizes is how many batch sizes a feed remembers: the full and the last one.
const keptSizes = 2

// load returns the inputs for the given samples, which are a batch of an epoch.
// They stay valid until the next call. It allocates only when the number of
// samples is new.
func (f *feed) load(samples []int, epoch, batch int) ([]mlrt.Tensor, error) {
	b := f.sized(len(samples))
	for i, bind := range f.binds {
		switch bind.kind {
		case fromDraw:
			draw(b.reads[i].([]float32), f.keys[i], epoch, batch)
			continue
		case fromClassWeights:
			continue // written once
		}
		if err := f.read(bind.column, samples, b.reads[i]); err != nil {
			return nil, err
		}
		switch {
		case bind.kind == fromSampleWeights:
			dst := b.tensors[i].Data.([]float32)
			for k, class := range b.reads[i].([]int32) {
				dst[k] = bind.weights[class]
			}
		case bind.oneHot > 0:
			if err := oneHot(b.tensors[i].Data, b.reads[i].([]int32), bind.oneHot); err != nil {
				return nil, err
			}
		}
	}
	return b.tensors, nil
}

func (f *feed) sized(n int) *batchTensors {
	if i := slices.IndexFunc(f.ready, func(b batchTensors) bool { return b.n == n }); i >= 0 {
		return &f.ready[i]
	}
	b := batchTensors{n: n}
	for _, bind := range f.binds {
		t := mlrt.Tensor{Shape: append([]int{n}, bind.shape...)}
		t.Data = bind.dtype.Make(elements(t.Shape))
		read := t.Data
		switch {
		case bind.kind == fromClassWeights:
			t = mlrt.Tensor{Shape: []int{len(bind.weights)}, Data: slices.Clone(bind.weights)}
		case bind.kind == fromSampleWeights, bind.oneHot > 0:
			read = make([]int32, n)
		}
		b.tensors, b.reads = append(b.tensors, t), append(b.reads, read)
	}
	if len(f.ready) == keptSizes {
		f.ready = f.ready[1:]
	}
	f.ready = append(f.ready, b)
	return &f.ready[len(f.ready)-1]
}
