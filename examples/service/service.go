package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mlc-go/mlc/examples/service/net"
	mlrt "github.com/mlc-go/mlc/runtime"
)

const (
	features = 8
	kinds    = 4

	maxBatch     = 64                     // predictions that are answered together
	gather       = 200 * time.Microsecond // how long a prediction waits for others
	trainBatch   = 32
	memory       = 4096 // samples that training draws from
	publishEvery = 40   // training steps between two snapshots
	replays      = 4    // training steps for each trainBatch samples that come
	seed         = 1
)

// errStopped: the service has been stopped.
var errStopped = errors.New("the service has stopped")

// sample is a point whose kind is known.
type sample struct {
	x     [features]float32
	label int32
}

// ask is a prediction that somebody waits for.
type ask struct {
	x    [features]float32
	done chan error // holds one
	y    [kinds]float32
}

// service trains on what it is told and answers with the model published last.
// Its memory is bounded: queues and the training memory have fixed sizes.
type service struct {
	metrics
	model   mlrt.Holder[net.Model]
	asks    chan *ask
	lessons chan sample
	stop    context.CancelFunc
	stopped <-chan struct{}
	workers sync.WaitGroup
	broken  atomic.Pointer[error] // why training ended before the service
}

// start returns a running service.
func start() *service {
	ctx, stop := context.WithCancel(context.Background())
	s := &service{asks: make(chan *ask, 1024), lessons: make(chan sample, 1024), stop: stop, stopped: ctx.Done()}
	first := net.New(seed)
	s.model.Store(first)
	s.workers.Go(s.answer)
	s.workers.Go(func() { s.learn(first) })
	return s
}

// close ends the service. Predictions that wait get errStopped.
func (s *service) close() {
	s.stop()
	s.workers.Wait()
}

// predict returns the probabilities of the kinds.
func (s *service) predict(ctx context.Context, x [features]float32) ([kinds]float32, error) {
	begin := time.Now()
	a := &ask{x: x, done: make(chan error, 1)}
	select {
	case s.asks <- a:
	case <-ctx.Done():
		return a.y, ctx.Err()
	case <-s.stopped:
		return a.y, errStopped
	}
	select {
	case err := <-a.done:
		s.latency.add(time.Since(begin))
		if err != nil {
			s.failed.Add(1)
		} else {
			s.answered.Add(1)
		}
		return a.y, err
	case <-s.stopped:
		return [kinds]float32{}, errStopped // a.y may still be written
	}
}

// teach passes a sample to training and reports whether there was room.
func (s *service) teach(l sample) bool {
	select {
	case s.lessons <- l:
		s.learned.Add(1)
		return true
	default:
		s.dropped.Add(1)
		return false
	}
}

// answer runs the model on batches of what is asked.
func (s *service) answer() {
	session := s.model.Load().NewSession(maxBatch)
	defer session.Close()
	batch, x := make([]*ask, 0, maxBatch), make([]float32, maxBatch*features)
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for {
		select {
		case a := <-s.asks:
			batch = append(batch[:0], a)
		case <-s.stopped:
			return
		}
		timer.Reset(gather)
		batch = s.collect(batch, timer.C)
		for i, a := range batch {
			copy(x[i*features:], a.x[:])
		}
		session.Use(s.model.Load())
		y, err := session.Forward(x[:len(batch)*features])
		s.batches.Add(1)
		for i, a := range batch {
			if err == nil {
				copy(a.y[:], y[i*kinds:(i+1)*kinds])
			}
			a.done <- err
		}
	}
}

// collect adds what is asked until the batch is full or the time is over.
func (s *service) collect(batch []*ask, over <-chan time.Time) []*ask {
	for len(batch) < maxBatch {
		select {
		case a := <-s.asks:
			batch = append(batch, a)
		case <-over:
			return batch
		case <-s.stopped:
			return batch
		}
	}
	return batch
}

// learn trains on the samples as they come and publishes snapshots.
func (s *service) learn(m *net.Model) {
	trainer := m.NewTrainer(net.TrainOptions{Batch: trainBatch, Threads: 1, Seed: seed})
	defer trainer.Close()
	var held []sample
	x, labels := make([]float32, trainBatch*features), make([]int32, trainBatch)
	for taken := 0; ; taken++ {
		select {
		case l := <-s.lessons:
			if len(held) < memory {
				held = append(held, l)
			} else {
				held[taken%memory] = l
			}
		case <-s.stopped:
			return
		}
		if (taken+1)%trainBatch != 0 {
			continue
		}
		for range replays {
			step := s.steps.Add(1)
			for i := range labels {
				l := &held[pick(step, i, len(held))]
				copy(x[i*features:], l.x[:])
				labels[i] = l.label
			}
			result, err := trainer.Step(x, labels)
			if err != nil {
				s.broken.Store(&err)
				return
			}
			s.loss.Store(int64(float64(result.Loss) * 1e6))
			if step%publishEvery == 0 {
				s.model.Store(trainer.Averaged()) // steadier than the weights of the last step
				s.published.Add(1)
			}
		}
	}
}

// pick returns a number below n, a function of its arguments alone.
func pick(step int64, i, n int) int {
	w := mlrt.Philox(mlrt.StreamKey(seed, "memory"), [4]uint32{uint32(step), uint32(i)})
	return int(uint64(w[0]) * uint64(n) >> 32)
}

// health returns why the service is not well, nil when it is.
func (s *service) health() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	select {
	case <-s.stopped:
		return errStopped
	default:
		return nil
	}
}
