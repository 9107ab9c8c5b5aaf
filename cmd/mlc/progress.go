package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/mlc-go/mlc/train"
)

// progress shows a run to a person: a bar with loss, metrics, speed and time
// left on a terminal, one line an epoch elsewhere.
type progress struct {
	w       io.Writer
	bar     *progressbar.ProgressBar // nil: no terminal
	onTerm  bool
	started train.Started
}

// newProgress draws on w; a nil result of a.progress shows nothing.
func (a *app) progress() *progress {
	if a.quiet {
		return nil
	}
	return &progress{w: a.stderr, onTerm: isTerminal(a.stderr)}
}

// show draws an event.
func (p *progress) show(e train.Event) {
	switch e := e.(type) {
	case train.Started:
		p.start(e)
	case train.Progress:
		if p.bar != nil {
			p.bar.Describe(fmt.Sprintf("epoch %d/%d  %s  %s samples/s", e.Epoch, p.started.Epochs,
				figures("loss", &e.TrainLoss, e.Metrics), thousands(int64(e.SamplesPerSecond))))
			p.bar.Set((e.Epoch-1)*p.started.Batches + e.Batch)
		}
	case train.EpochDone:
		p.clear()
		fmt.Fprintln(p.w, p.epochLine(e))
		if p.bar != nil {
			p.bar.Set(e.Epoch * p.started.Batches)
		}
	case train.Done:
		p.clear()
		p.bar = nil
	}
}

func (p *progress) start(e train.Started) {
	p.started = e
	fmt.Fprintf(p.w, "%s: %s parameters, %s training and %s test samples, batches of %d, seed %d\n",
		e.Model, thousands(int64(e.Parameters)), thousands(int64(e.Samples)), thousands(int64(e.Tests)), e.Batch, e.Seed)
	if e.Resumed > 0 {
		fmt.Fprintf(p.w, "resumed after %s updates\n", thousands(e.Resumed))
	}
	if !p.onTerm {
		return
	}
	p.bar = progressbar.NewOptions(e.Epochs*e.Batches,
		progressbar.OptionSetWriter(p.w),
		progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionThrottle(65*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}

// clear takes the bar off the screen, so that a line can stand there.
func (p *progress) clear() {
	if p != nil && p.bar != nil {
		p.bar.Clear() // the terminal may be gone; nothing depends on it
	}
}

func (p *progress) epochLine(e train.EpochDone) string {
	width := len(fmt.Sprint(p.started.Epochs))
	parts := []string{fmt.Sprintf("epoch %*d/%d", width, e.Epoch, p.started.Epochs), figures("train loss", &e.TrainLoss, nil)}
	if e.TestLoss != nil {
		parts = append(parts, figures("test loss", e.TestLoss, e.TestMetrics))
	} else {
		parts = append(parts, figures("", nil, e.TrainMetrics))
	}
	parts = append(parts, thousands(int64(e.SamplesPerSecond))+" samples/s", fmt.Sprintf("%.1f s", float64(e.Seconds)))
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "  ")
}

// figures returns "loss 0.1234  accuracy 0.9612".
func figures(name string, loss *train.Number, metrics map[string]train.Number) string {
	var parts []string
	if loss != nil {
		parts = append(parts, name+" "+figure(*loss))
	}
	for _, k := range slices.Sorted(maps.Keys(metrics)) {
		parts = append(parts, k+" "+figure(metrics[k]))
	}
	return strings.Join(parts, "  ")
}

// figure writes a number with four places, and very large and small ones with
// an exponent.
func figure(n train.Number) string {
	v := math.Abs(float64(n))
	if v != 0 && v < 5e-4 || v >= 1e6 {
		return fmt.Sprintf("%.4g", float64(n))
	}
	return fmt.Sprintf("%.4f", float64(n))
}

// thousands writes a whole number with commas between groups of three digits.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(text) - 3; i > start; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
