// Command service trains a small classifier on what it is told and serves it at
// the same time. Snapshots of the model that is being trained replace the
// serving one without a pause; concurrent predictions run as one batch.
//
//	service -listen 127.0.0.1:8080
//	curl -d '{"features":[1,0,0,0,0,0,0,0],"label":0}' 127.0.0.1:8080/learn
//	curl -d '{"features":[1,0,0,0,0,0,0,0]}' 127.0.0.1:8080/predict
//	curl 127.0.0.1:8080/healthz; curl 127.0.0.1:8080/metrics
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := start()
	server := &http.Server{Addr: *listen, Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		log.Fatal(err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := server.Shutdown(last) // requests that run are answered
	s.close()
	if err != nil {
		log.Fatal(err)
	}
}

// message is the body of a request to /predict or /learn.
type message struct {
	Features []float64 `json:"features"`
	Label    *int32    `json:"label"`
}

// answered is the body of an answer of /predict.
type answered struct {
	Kind          int            `json:"kind"`
	Probabilities [kinds]float32 `json:"probabilities"`
}

// maxBody bounds the bytes of a request.
const maxBody = 1 << 12

// handler returns the service's HTTP interface.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", s.servePredict)
	mux.HandleFunc("POST /learn", s.serveLearn)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.health(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		s.write(w)
	})
	return mux
}

func (s *service) servePredict(w http.ResponseWriter, r *http.Request) {
	_, x, err := read(r)
	if err != nil {
		s.refused.Add(1)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	y, err := s.predict(r.Context(), x)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	a := answered{Probabilities: y}
	for k, p := range y {
		if p > y[a.Kind] {
			a.Kind = k
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(a); err != nil {
		log.Print(err) // the client has gone
	}
}

func (s *service) serveLearn(w http.ResponseWriter, r *http.Request) {
	m, x, err := read(r)
	if err == nil && (m.Label == nil || *m.Label < 0 || *m.Label >= kinds) {
		err = fmt.Errorf("label must be 0 to %d", kinds-1)
	}
	switch {
	case err != nil:
		s.refused.Add(1)
		http.Error(w, err.Error(), http.StatusBadRequest)
	case !s.teach(sample{x, *m.Label}):
		w.Header().Set("Retry-After", "1")
		http.Error(w, "training is behind", http.StatusTooManyRequests)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// read decodes a request. Numbers that float32 cannot hold are refused: one of
// them would spoil a whole batch.
func read(r *http.Request) (m message, x [features]float32, err error) {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, x, err
	}
	if len(m.Features) != features {
		return m, x, fmt.Errorf("features has %d numbers, want %d", len(m.Features), features)
	}
	for i, v := range m.Features {
		if math.Abs(v) > math.MaxFloat32 {
			return m, x, errors.New("a feature is too large")
		}
		x[i] = float32(v)
	}
	return m, x, nil
}
