package train

import (
	"slices"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// Column describes one column of a data set.
type Column = data.Column

// Data is a finite set of samples in named columns, such as a *data.Set. The
// loop reads it from one goroutine.
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
func (f *feed) clone() *feed { return &feed{data: f.data, binds: f.binds, keys: f.keys} }

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
		if err := f.data.Read(bind.column, samples, b.reads[i]); err != nil {
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
