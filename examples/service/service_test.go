package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mlc-go/mlc/examples/service/net"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// point returns a point and its kind: the largest of its first four measurements.
func point(rng *rand.Rand) ([]float64, int) {
	x, kind := make([]float64, features), 0
	for i := range x {
		x[i] = rng.Float64()
		if i < kinds && x[i] > x[kind] {
			kind = i
		}
	}
	x[kind] += 0.3
	return x, kind
}

// client talks to a service.
type client struct {
	http *http.Client
	url  string
}

func (c *client) post(path string, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	r, err := c.http.Post(c.url+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	return r.StatusCode, answer, err
}

// load is what clients have seen.
type load struct {
	asked, right, lost atomic.Int64
	latency            histogram
}

// drive teaches and asks until ctx ends and least questions were asked.
func (l *load) drive(ctx context.Context, c *client, number uint64, least int64) {
	rng := rand.New(rand.NewPCG(number, 5))
	for ctx.Err() == nil || l.asked.Load() < least {
		x, kind := point(rng)
		if code, _, err := c.post("/learn", map[string]any{"features": x, "label": kind}); err != nil || code != http.StatusAccepted && code != http.StatusTooManyRequests {
			l.lost.Add(1)
		}
		x, kind = point(rng)
		begin := time.Now()
		code, text, err := c.post("/predict", map[string]any{"features": x})
		l.latency.add(time.Since(begin))
		l.asked.Add(1)
		var a answered
		if err != nil || code != http.StatusOK || json.Unmarshal(text, &a) != nil {
			l.lost.Add(1)
		} else if a.Kind == kind {
			l.right.Add(1)
		}
	}
}

// run drives the service with some clients for a time, on a busy machine longer:
// until it was asked often enough to learn something.
func (l *load) run(url string, clients int, d time.Duration, least int64) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { l.drive(ctx, &client{&http.Client{Transport: transport}, url}, uint64(i), least) })
	}
	all.Wait()
}

// resident returns the process's resident memory in bytes, 0 where the system
// does not tell.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// footprint is what the process has of the system: its resident memory, and under
// the race detector, which has memory of its own, what Go's runtime has.
func footprint() int {
	runtime.GC()
	if racing {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.Sys)
	}
	return resident()
}

// TestSoak teaches and asks from several clients for a while: two seconds, or
// MLC_SOAK, such as 10m. No request may be lost, the model must learn, and
// memory must stay flat.
func TestSoak(t *testing.T) {
	d := 2 * time.Second
	if text := os.Getenv("MLC_SOAK"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	const clients = 8
	s := start()
	server := httptest.NewServer(s.handler())
	defer s.close()
	defer server.Close()
	var warm, l load
	warm.run(server.URL, clients, min(max(d/10, 500*time.Millisecond), 10*time.Second), 2000)
	before, begin := footprint(), time.Now()
	l.run(server.URL, clients, d, 4000)
	took := time.Since(begin)
	after := footprint()
	asked := l.asked.Load()
	t.Logf("%.0f predictions/s and as many samples, p50 < %v, p99 < %v, %.1f a batch, %d steps, %d models published, memory %.1f MB, then %.1f MB, %d lost",
		float64(asked)/took.Seconds(), l.latency.quantile(0.5), l.latency.quantile(0.99), float64(s.answered.Load())/float64(max(s.batches.Load(), 1)),
		s.steps.Load(), s.published.Load(), float64(before)/1e6, float64(after)/1e6, l.lost.Load())
	if n := l.lost.Load() + warm.lost.Load(); n > 0 {
		t.Errorf("%d requests lost", n)
	}
	if s.published.Load() == 0 {
		t.Error("no model was published")
	}
	if share := float64(l.right.Load()) / float64(asked); share < 0.7 {
		t.Errorf("%.2f of the answers are right, want 0.7: chance is 0.25", share)
	}
	if after > before+before/4+8<<20 {
		t.Errorf("memory grew from %d to %d bytes", before, after)
	}
}

// values returns the tensors of a model by name.
func values(t *testing.T, m *net.Model) map[string][]float32 {
	t.Helper()
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		t.Fatal(err)
	}
	f, err := mlrt.ReadFile(&b)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for i := range f.Len() {
		s := f.Tensor(i)
		n := 1
		for _, d := range s.Shape {
			n *= d
		}
		v := make([]float32, n)
		if err := f.Read(i, v); err != nil {
			t.Fatal(err)
		}
		all[s.Name] = v
	}
	return all
}

// TestAveraged: what the service publishes is the moving average of the weights
// that training goes through, from those that it starts from.
func TestAveraged(t *testing.T) {
	m := net.New(seed + 7)
	trainer := m.NewTrainer(net.TrainOptions{Batch: trainBatch, Threads: 1, Seed: seed})
	defer trainer.Close()
	want := map[string][]float64{}
	for name, v := range values(t, m) {
		for _, x := range v {
			want[name] = append(want[name], float64(x))
		}
	}
	rng := rand.New(rand.NewPCG(1, 9))
	x, labels := make([]float32, trainBatch*features), make([]int32, trainBatch)
	for range 20 {
		for i := range labels {
			p, kind := point(rng)
			for k, v := range p {
				x[i*features+k] = float32(v)
			}
			labels[i] = int32(kind)
		}
		if _, err := trainer.Step(x, labels); err != nil {
			t.Fatal(err)
		}
		for name, v := range values(t, trainer.Snapshot()) {
			for i, p := range v {
				want[name][i] = 0.99*want[name][i] + 0.01*float64(p)
			}
		}
	}
	live := values(t, trainer.Snapshot())
	for name, v := range values(t, trainer.Averaged()) {
		if slices.Equal(v, live[name]) {
			t.Errorf("%s is not averaged", name)
		}
		for i, p := range v {
			if math.Abs(float64(p)-want[name][i]) > 1e-5 {
				t.Fatalf("%s, element %d: %v, want %v", name, i, p, want[name][i])
			}
		}
	}
}

// TestHistogram compares quantiles with those of the sorted numbers.
func TestHistogram(t *testing.T) {
	var h histogram
	rng := rand.New(rand.NewPCG(7, 8))
	all := make([]time.Duration, 5000)
	for i := range all {
		all[i] = time.Duration(math.Exp(rng.Float64()*16)) * time.Microsecond
		h.add(all[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99} {
		have, want := h.quantile(q), all[int(q*float64(len(all)))]
		if have <= want || have > want+want/16+time.Microsecond {
			t.Errorf("quantile %v is %v, want %v to a sixteenth above", q, have, want)
		}
	}
	for us := range uint64(100_000) {
		if i := bucket(us); us >= below(i) || i > 0 && us < below(i-1) {
			t.Fatalf("%d falls into bucket %d, from %d to %d", us, i, below(i-1), below(i))
		}
	}
}

// TestBatches: predictions that wait together run together, each with its own
// answer.
func TestBatches(t *testing.T) {
	s := start()
	defer s.close()
	const n = 200
	rng := rand.New(rand.NewPCG(3, 4))
	var all sync.WaitGroup
	for range n {
		var x [features]float32
		for i := range x {
			x[i] = rng.Float32()
		}
		alone := make([]float32, kinds)
		if err := s.model.Load().Predict(alone, x[:]); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			y, err := s.predict(context.Background(), x)
			if err != nil || [kinds]float32(alone) != y {
				t.Errorf("%v, %v; alone %v", y, err, alone)
			}
		})
	}
	all.Wait()
	if b := s.batches.Load(); s.answered.Load() != n || b > n {
		t.Errorf("%d answers in %d batches", s.answered.Load(), b)
	}
}

func TestInterface(t *testing.T) {
	s := start()
	server := httptest.NewServer(s.handler())
	defer server.Close()
	c := &client{server.Client(), server.URL}
	good := []float64{1, 0, 0, 0, 0, 0, 0, 0}
	for _, r := range []struct {
		path string
		body any
		code int
		text string
	}{
		{"/predict", map[string]any{"features": good}, http.StatusOK, `"probabilities":[`},
		{"/predict", map[string]any{"features": good[:3]}, http.StatusBadRequest, "3 numbers, want 8"},
		{"/predict", map[string]any{"features": append([]float64{1e300}, good[1:]...)}, http.StatusBadRequest, "too large"},
		{"/predict", map[string]any{"feature": good}, http.StatusBadRequest, "feature"},
		{"/learn", map[string]any{"features": good, "label": 1}, http.StatusAccepted, ""},
		{"/learn", map[string]any{"features": good, "label": 4}, http.StatusBadRequest, "0 to 3"},
		{"/learn", map[string]any{"features": good}, http.StatusBadRequest, "label"},
	} {
		code, text, err := c.post(r.path, r.body)
		if err != nil || code != r.code || !strings.Contains(string(text), r.text) {
			t.Errorf("%s %v: %d %s %v", r.path, r.body, code, text, err)
		}
	}
	get := func(path string) (int, string) {
		r, err := c.http.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(text)
	}
	if code, text := get("/healthz"); code != http.StatusOK || text != "ok\n" {
		t.Errorf("health: %d %q", code, text)
	}
	_, text := get("/metrics")
	for _, want := range []string{"service_predictions_total 1\n", "service_predictions_refused_total 5\n", "service_samples_total 1\n",
		"# TYPE service_prediction_seconds histogram", `service_prediction_seconds_bucket{le="+Inf"} 1`, "service_prediction_seconds_count 1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from\n%s", want, text)
		}
	}
	s.close()
	if code, _ := get("/healthz"); code != http.StatusServiceUnavailable {
		t.Errorf("a stopped service is healthy: %d", code)
	}
	if code, _, err := c.post("/predict", map[string]any{"features": good}); err != nil || code != http.StatusServiceUnavailable {
		t.Errorf("a stopped service answers: %d, %v", code, err)
	}
}
