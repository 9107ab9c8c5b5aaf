package train

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// images returns n scaled images of size bytes with class indices below classes.
func images(t *testing.T, n, size, classes int) *data.Set {
	t.Helper()
	pixels, labels := make([]uint8, n*size), make([]int32, n)
	for i := range pixels {
		pixels[i] = uint8(i * i >> 3)
	}
	for i := range labels {
		labels[i] = int32(i % classes)
	}
	s, err := data.NewSet("images", []data.Column{
		{Name: "image", DType: mlrt.Uint8, Shape: []int{size}}, {Name: "label", DType: mlrt.Int32, Classes: classes},
	}, []any{pixels, labels})
	if err == nil {
		s, err = s.Scale(data.Scaling{Column: "image", Divide: 255, Mean: []float64{0.5}, Std: []float64{0.25}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLoadTogether: batches that several threads load are those that one loads, the
// short last one too.
func TestLoadTogether(t *testing.T) {
	const n, size, batch = 500, 301, 96
	set := images(t, n, size, 3)
	inputs := []mlrt.Field{field("x", mlrt.Float32, "batch", size), field("labels", mlrt.Int32, "batch")}
	epochs := func(threads int) (all []float32, labels []int32) {
		pool := mlrt.NewPool(threads)
		defer pool.Close()
		f, err := newFeed(inputs, set, Feeds{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		l := newDataLoader([]*feed{f}, &Options{Batch: batch, Seed: 5}, pool)
		if threads > 1 {
			l.together = true // also where the machine has more cores
			f.share(pool)
		}
		for epoch := range 2 {
			for b, err := range l.batches(context.Background(), epoch, 0) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b.inputs[0][0].Data.([]float32)...)
				labels = append(labels, b.inputs[0][1].Data.([]int32)...)
			}
		}
		return all, labels
	}
	alone, labels := epochs(1)
	together, same := epochs(3)
	if len(alone) != 2*n*size || !slices.Equal(alone, together) || !slices.Equal(labels, same) {
		t.Error("threads that load together give other batches")
	}
}

// TestLoadTogetherRefuses: an error of one thread is the batch's.
func TestLoadTogetherRefuses(t *testing.T) {
	r := reading{data: unreadable{}, samples: []int{0, 1, 2, 3}, dst: make([]float32, 4), size: 1, step: 1}
	pool := mlrt.NewPool(2)
	defer pool.Close()
	pool.Run(4, &r)
	if !errors.Is(r.err, errUnread) {
		t.Errorf("error %v", r.err)
	}
}

var errUnread = errors.New("cannot be read")

// unreadable has one sample that cannot be read.
type unreadable struct{ Data }

func (unreadable) Read(_ int, samples []int, _ any) error {
	if samples[0] == 2 {
		return errUnread
	}
	return nil
}
