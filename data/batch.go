package data

import (
	"errors"
	"fmt"
	"iter"
	"math"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Batch is some samples in memory: Values has a slice for each column, samples
// one after another.
type Batch struct {
	Samples int
	Values  []any
}

// errNoSize: a batch without samples would never end an epoch.
var errNoSize = errors.New("batch size below 1")

// Batches yields the samples in batches of size, the last one as short as it
// comes, in the order that mlrt.Shuffle gives for seed and epoch; epoch -1 means
// the set's own order. Class indices come as []int32, all else preprocessed as
// []float32. A batch's memory is used again for the next.
func (s *Set) Batches(size int, seed uint64, epoch int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if size < 1 {
			yield(Batch{}, fmt.Errorf("%w: %w", mlrt.ErrShape, errNoSize))
			return
		}
		order := make([]int, s.n)
		if epoch < 0 {
			for i := range order {
				order[i] = i
			}
		} else {
			mlrt.Shuffle(order, seed, epoch)
		}
		size := min(size, s.n)
		full := make([]any, len(s.columns))
		for i, c := range s.columns {
			if c.Classes > 0 {
				full[i] = make([]int32, size*c.size)
			} else {
				full[i] = make([]float32, size*c.size)
			}
		}
		for from := 0; from < s.n; from += size {
			samples := order[from:min(from+size, s.n)]
			b := Batch{Samples: len(samples), Values: make([]any, len(full))}
			for i, c := range s.columns {
				b.Values[i] = first(full[i], len(samples)*c.size)
				if err := s.Read(i, samples, b.Values[i]); err != nil {
					yield(Batch{}, err)
					return
				}
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// first returns the first n elements of a slice of a batch.
func first(v any, n int) any {
	if s, ok := v.([]int32); ok {
		return s[:n]
	}
	return v.([]float32)[:n]
}

// Collect reads batches from another source, such as a database, into a set.
// Columns and the batches' values must agree; the values are copied.
func Collect(name string, columns []Column, batches iter.Seq2[Batch, error]) (*Set, error) {
	all := make([]any, len(columns))
	for i, c := range columns {
		all[i] = c.DType.Make(0)
	}
	n := 0
	for b, err := range batches {
		if err != nil {
			return nil, err
		}
		if len(b.Values) != len(columns) {
			return nil, fmt.Errorf("%w: batch at sample %d has %d columns, expected %d", mlrt.ErrShape, n, len(b.Values), len(columns))
		}
		for i, c := range columns {
			have, ok := c.DType.Len(b.Values[i])
			if want := b.Samples * c.elements(); !ok || have != want || b.Samples > math.MaxInt32 {
				return nil, fmt.Errorf("%w: batch at sample %d, column %q: have %d elements of %T, want %d of %v", mlrt.ErrShape, n, c.Name, have, b.Values[i], want, c.DType)
			}
			all[i] = extend(all[i], b.Values[i])
		}
		n += b.Samples
	}
	return NewSet(name, columns, all)
}

// extend appends a slice to another of the same type.
func extend(to, from any) any {
	switch v := from.(type) {
	case []uint8:
		return append(to.([]uint8), v...)
	case []int32:
		return append(to.([]int32), v...)
	case []float32:
		return append(to.([]float32), v...)
	case []float64:
		return append(to.([]float64), v...)
	}
	return to
}
