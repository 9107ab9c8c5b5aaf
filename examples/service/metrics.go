package main

import (
	"fmt"
	"io"
	"math/bits"
	"sync/atomic"
	"time"
)

// parts is how many buckets of a histogram share a power of two.
const parts = 16

// histogram counts durations in microseconds: one bucket each below parts, then
// parts buckets a power of two. It takes no memory as it grows; any goroutine may
// use it.
type histogram struct {
	buckets [32 * parts]atomic.Int64
	micros  atomic.Int64 // sum
}

func (h *histogram) add(d time.Duration) {
	us := max(d.Microseconds(), 0)
	h.buckets[bucket(uint64(us))].Add(1)
	h.micros.Add(us)
}

// bucket returns the bucket of a number: its power of two and the bits after
// the first one.
func bucket(us uint64) int {
	const fine = 4 // bits of parts
	power := max(bits.Len64(us)-fine-1, 0)
	return min(power*parts+int(us>>power), 32*parts-1)
}

// below returns the number that the buckets up to i stay below.
func below(i int) uint64 {
	power := max(i/parts-1, 0)
	return uint64(i-power*parts+1) << power
}

func (h *histogram) count() (n int64) {
	for i := range h.buckets {
		n += h.buckets[i].Load()
	}
	return n
}

// quantile returns an upper bound of the quantile q, at most a sixteenth above
// it.
func (h *histogram) quantile(q float64) time.Duration {
	rank, seen := int64(q*float64(h.count())), int64(0)
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen > rank {
			return time.Duration(below(i)) * time.Microsecond
		}
	}
	return 0
}

// metrics are the service's counters; any goroutine may use them.
type metrics struct {
	answered, refused, failed atomic.Int64 // predictions
	learned, dropped          atomic.Int64 // samples
	steps, published          atomic.Int64
	batches                   atomic.Int64 // calls of the model for answered predictions
	loss                      atomic.Int64 // of the last step, in millionths
	latency                   histogram
}

// write prints the counters in Prometheus' text format.
func (m *metrics) write(w io.Writer) {
	for _, c := range []struct {
		name, kind, help string
		value            float64
	}{
		{"service_predictions_total", "counter", "Predictions answered.", float64(m.answered.Load())},
		{"service_predictions_refused_total", "counter", "Requests that were not understood.", float64(m.refused.Load())},
		{"service_predictions_failed_total", "counter", "Predictions that failed in the service.", float64(m.failed.Load())},
		{"service_prediction_batches_total", "counter", "Calls of the model, each for a batch of predictions.", float64(m.batches.Load())},
		{"service_samples_total", "counter", "Samples taken for training.", float64(m.learned.Load())},
		{"service_samples_dropped_total", "counter", "Samples refused because training was behind.", float64(m.dropped.Load())},
		{"service_steps_total", "counter", "Training steps.", float64(m.steps.Load())},
		{"service_models_published_total", "counter", "Snapshots that replaced the serving model.", float64(m.published.Load())},
		{"service_loss", "gauge", "Loss of the last training step.", float64(m.loss.Load()) / 1e6},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %g\n", c.name, c.help, c.name, c.kind, c.name, c.value)
	}
	const name = "service_prediction_seconds"
	fmt.Fprintf(w, "# HELP %s Time from a request to its answer.\n# TYPE %s histogram\n", name, name)
	sum := int64(0)
	for i := range m.latency.buckets {
		sum += m.latency.buckets[i].Load()
		if limit := below(i); bits.OnesCount64(limit) == 1 { // powers of two are enough there
			fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, float64(limit)/1e6, sum)
		}
	}
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, sum, name, float64(m.latency.micros.Load())/1e6, name, sum)
}
