package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// row is one comparison.
type row struct {
	what         string
	threads      int
	mlc, other   sample
	rival        string
	ratio        float64 // median over rounds of rival / mlc
	least, most  float64
	peakShare    float64
	boundMicrosM float64
}

type table struct {
	rows    []row
	rivals  []string // "PyTorch 1.13.1"
	missing []string
}

// rival records a rival's version, or that it is missing. Other errors are returned.
func (t *table) rival(name string, p *peer, err error) error {
	text := ""
	switch {
	case errors.Is(err, errMissing):
		text = fmt.Sprintf("%s: %v", name, err)
		if !slices.Contains(t.missing, text) {
			t.missing = append(t.missing, text)
		}
		return nil
	case err != nil:
		return err
	}
	text = p.Name + " " + p.Version
	if !slices.Contains(t.rivals, text) {
		t.rivals = append(t.rivals, text)
	}
	return nil
}

// compare alternates slices of mlc and of a rival and keeps the medians.
func (t *table) compare(c config, what string, threads int, mlc measurement, p *peer, request string) error {
	if _, err := mlc(); err != nil { // builds the program
		return err
	}
	if _, err := p.ask(request); err != nil {
		return err
	}
	var ours, theirs, ratios, shares []float64
	r := row{what: what, threads: threads, rival: p.Name}
	for range c.rounds {
		a, err := mlc()
		if err != nil {
			return err
		}
		b, err := p.ask(request)
		if err != nil {
			return err
		}
		ours, theirs, shares = append(ours, a.Median), append(theirs, b.Median), append(shares, a.PeakShare)
		ratios = append(ratios, b.Median/a.Median)
		r.boundMicrosM = a.Bound
	}
	r.mlc.Median, r.other.Median = median(ours), median(theirs)
	r.ratio, r.least, r.most, r.peakShare = median(ratios), slices.Min(ratios), slices.Max(ratios), median(shares)
	t.rows = append(t.rows, r)
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", machine())
	for _, r := range t.rivals {
		fmt.Fprintf(w, "- %s\n", r)
	}
	for _, m := range t.missing {
		fmt.Fprintf(w, "- left out: %s\n", m)
	}
	fmt.Fprintf(w, "\n| what | threads | bound µs | mlc µs | share of peak | rival | rival µs | rival / mlc (range) |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s | %d | %.1f | %.1f | %.0f%% | %s | %.1f | %.2f (%.2f to %.2f) |\n", r.what, r.threads, r.boundMicrosM,
			r.mlc.Median, 100*r.peakShare, r.rival, r.other.Median, r.ratio, r.least, r.most)
	}
}
