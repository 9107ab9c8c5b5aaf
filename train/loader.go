package train

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// loaded is one batch, ready to be trained on by each block of the run.
type loaded struct {
	samples int
	inputs  [][]mlrt.Tensor // one list a block
}

// loader yields the batches of an epoch from number from on. A batch stays valid
// until the next one is asked for. The sequence depends on the epoch alone.
type loader interface {
	batches(ctx context.Context, epoch, from int) iter.Seq2[loaded, error]
}

// dataLoader loads batches of a data set in an order that seed and epoch decide.
type dataLoader struct {
	feeds    [][]*feed // one list a buffer, with one feed a block
	order    []int
	size     int // samples of a batch
	seed     uint64
	together bool // all threads load a batch, between two steps
}

func newDataLoader(feeds []*feed, o *Options, pool *mlrt.Pool) *dataLoader {
	l := &dataLoader{feeds: [][]*feed{feeds}, order: make([]int, feeds[0].data.Len()), size: o.Batch, seed: o.Seed}
	spare := o.Prefetch
	if _, ok := feeds[0].data.(*data.Set); ok && pool.Threads() >= min(runtime.GOMAXPROCS(0), runtime.NumCPU()) {
		// No core is left that could load beside the training, and nothing waits
		// for files or networks: the threads that train load. Two buffers take turns, because
		// memory that another core has just read is slow to write.
		l.together, spare = true, 1
		for _, f := range feeds {
			f.share(pool)
		}
	}
	for range spare {
		var more []*feed
		for _, f := range feeds {
			more = append(more, f.clone())
		}
		l.feeds = append(l.feeds, more)
	}
	return l
}

func (l *dataLoader) count() int { return (len(l.order) + l.size - 1) / l.size }

// load fills buffer i with a batch.
func (l *dataLoader) load(i, epoch, batch int) (loaded, error) {
	lo := batch * l.size
	samples := l.order[lo:min(lo+l.size, len(l.order))]
	b := loaded{samples: len(samples)}
	for _, f := range l.feeds[i] {
		inputs, err := f.load(samples, epoch, batch)
		if err != nil {
			return b, err
		}
		b.inputs = append(b.inputs, inputs)
	}
	return b, nil
}

func (l *dataLoader) batches(ctx context.Context, epoch, from int) iter.Seq2[loaded, error] {
	return func(yield func(loaded, error) bool) {
		mlrt.Shuffle(l.order, l.seed, epoch)
		if len(l.feeds) > 1 && !l.together {
			l.ahead(ctx, epoch, from, yield)
			return
		}
		for k := from; k < l.count(); k++ {
			if b, err := l.load(k%len(l.feeds), epoch, k); !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// ahead loads on another goroutine, as many batches ahead as there are spare
// buffers.
func (l *dataLoader) ahead(ctx context.Context, epoch, from int, yield func(loaded, error) bool) {
	type item struct {
		buffer int
		b      loaded
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	free, full := make(chan int, len(l.feeds)), make(chan item, len(l.feeds))
	var worker sync.WaitGroup
	defer worker.Wait() // the buffers are the next epoch's again
	defer cancel()
	for i := range l.feeds {
		free <- i
	}
	worker.Go(func() {
		defer close(full)
		for k := from; k < l.count(); k++ {
			select {
			case i := <-free:
				b, err := l.load(i, epoch, k)
				full <- item{i, b, err} // never blocks: there is room for every buffer
				if err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	for it := range full {
		if !yield(it.b, it.err) || it.err != nil {
			return
		}
		free <- it.buffer
	}
}
