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
	ready []batchTensors
}

// batchTensors are the input tensors of one batch size.
type batchTensors struct {
	n       int
	tensors []mlrt.Tensor
	reads   []any // where the data set writes: the tensor's memory or class indices
}

// keptSizes is how many batch sizes a feed remembers: the full and the last one.
const keptSizes = 2

// load returns the inputs for the given samples. They stay valid until the next
// call. It allocates only when the number of samples is new.
func (f *feed) load(samples []int) ([]mlrt.Tensor, error) {
	b := f.sized(len(samples))
	for i, bind := range f.binds {
		if err := f.data.Read(bind.column, samples, b.reads[i]); err != nil {
			return nil, err
		}
		if bind.oneHot > 0 {
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
		data := bind.dtype.Make(n * elements(bind.shape))
		b.tensors = append(b.tensors, mlrt.Tensor{Shape: append([]int{n}, bind.shape...), Data: data})
		if bind.oneHot > 0 {
			data = make([]int32, n)
		}
		b.reads = append(b.reads, data)
	}
	if len(f.ready) == keptSizes {
		f.ready = f.ready[1:]
	}
	f.ready = append(f.ready, b)
	return &f.ready[len(f.ready)-1]
}
