package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// row is one comparison.
type row struct {
	what               string
	threads            int
	scale              float64 // from the samples' unit to the section's; 0: 1
	cold               bool    // no slice to warm up
	bound, share       float64 // 0: none
	mlc, other         float64
	rival              string
	ratio, least, most float64 // rival / mlc: median and range over the rounds
}

type section struct {
	title, unit string
	columns     string
	rows        []row
	notes       []string
}

const (
	comparison = "what | threads | bound | mlc | share of peak | rival | rival's | rival / mlc (range)"
	disturbed  = "what | threads | one thread on a quiet machine | all threads beside it | busy / quiet (range)"
)

type table struct {
	sections []*section
	rivals   []string // "PyTorch 1.13.1"
	missing  []string
}

func (t *table) section(title, unit string) {
	t.sections = append(t.sections, &section{title: title, unit: unit, columns: comparison})
}

func (t *table) last() *section { return t.sections[len(t.sections)-1] }

func (t *table) note(format string, args ...any) {
	t.last().notes = append(t.last().notes, fmt.Sprintf(format, args...))
}

// rival records a rival's versions, or that it is missing. Other errors are returned.
func (t *table) rival(r rival, err error) (rival, error) {
	add := func(list *[]string, text string) {
		if !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	if errors.Is(err, errMissing) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		add(&t.missing, first)
		return nil, nil
	}
	for _, p := range r {
		add(&t.rivals, p.Name+" "+p.Version)
	}
	return r, err
}

// compare alternates slices of mlc and of rivals, which get the same request.
func (t *table) compare(c config, r row, mlc measurement, request string, rivals ...rival) error {
	return t.compareWith(c, r, mlc, slices.Concat(rivals...), func(p *peer) measurement { return p.measure(request) })
}

// compareWith alternates slices of mlc and of peers and keeps the medians; of the
// peers of one name the fastest counts.
func (t *table) compareWith(c config, r row, mlc measurement, peers rival, of func(p *peer) measurement) error {
	runs := []measurement{mlc}
	for _, p := range peers {
		runs = append(runs, of(p))
	}
	got := make([][]sample, len(runs))
	for round := range c.rounds + 1 {
		if round == 0 && r.cold {
			continue
		}
		for i, m := range runs {
			s, err := m()
			if err != nil {
				return err
			}
			if round > 0 { // the first warms up and builds
				got[i] = append(got[i], s)
			}
		}
	}
	if r.scale == 0 {
		r.scale = 1
	}
	value := func(s sample) float64 { return s.Median }
	r.mlc = r.scale * median(got[0], value)
	r.bound = r.scale * median(got[0], func(s sample) float64 { return s.Bound })
	r.share = median(got[0], func(s sample) float64 { return s.PeakShare })
	rows := []row{r}[:0]
	for i, p := range peers {
		o := r
		o.rival, o.other = strings.TrimSpace(p.Name+" "+p.mode), r.scale*median(got[i+1], value)
		o.ratios(got[0], got[i+1])
		if k := slices.IndexFunc(rows, func(x row) bool { return strings.HasPrefix(x.rival, p.Name) }); k < 0 {
			rows = append(rows, o)
		} else if o.other < rows[k].other {
			rows[k] = o
		}
	}
	if len(rows) == 0 {
		rows = append(rows, r)
	}
	t.last().rows = append(t.last().rows, rows...)
	return nil
}

func (r *row) ratios(mlc, other []sample) {
	var all []float64
	for i := range mlc {
		all = append(all, other[i].Median/mlc[i].Median)
	}
	slices.Sort(all)
	r.ratio, r.least, r.most = all[len(all)/2], all[0], all[len(all)-1]
}

// besides measures on a quiet machine and beside a busy process, in turn.
func (t *table) besides(c config, name string, threads int, quiet, busy measurement) error {
	var calm, busySamples []sample
	for range c.rounds {
		s, err := quiet()
		if err != nil {
			return err
		}
		calm = append(calm, s)
		stop, err := startNeighbour()
		if err != nil {
			return err
		}
		s, err = busy()
		stop()
		if err != nil {
			return err
		}
		busySamples = append(busySamples, s)
	}
	value := func(s sample) float64 { return s.Median }
	r := row{what: name, threads: threads, mlc: median(calm, value), other: median(busySamples, value)}
	r.ratios(calm, busySamples)
	t.last().columns = disturbed
	t.last().rows = append(t.last().rows, r)
	return nil
}

func startNeighbour() (stop func(), err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, "-neighbour")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return func() { in.Close(); _ = cmd.Wait() }, cmd.Start()
}

func median(samples []sample, of func(sample) float64) float64 {
	var v []float64
	for _, s := range samples {
		v = append(v, of(s))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", machine())
	for _, r := range t.rivals {
		fmt.Fprintf(w, "- %s\n", r)
	}
	for _, m := range t.missing {
		fmt.Fprintf(w, "- left out: %s\n", m)
	}
	for _, s := range t.sections {
		s.print(w)
	}
}

func (s *section) print(w io.Writer) {
	fmt.Fprintf(w, "\n### %s (%s)\n\n| %s |\n|%s\n", s.title, s.unit, s.columns, strings.Repeat("---|", 1+strings.Count(s.columns, "|")))
	for _, r := range s.rows {
		cells := []string{r.what, fmt.Sprint(r.threads)}
		if s.columns == comparison {
			bound, share := "-", "-"
			if r.bound > 0 {
				bound, share = figure(r.bound), fmt.Sprintf("%.0f%%", 100*r.share)
			}
			cells = append(cells, bound, figure(r.mlc), share, r.rival, figure(r.other))
		} else {
			cells = append(cells, figure(r.mlc), figure(r.other))
		}
		fmt.Fprintf(w, "| %s | %.2f (%.2f to %.2f) |\n", strings.Join(cells, " | "), r.ratio, r.least, r.most)
	}
	for _, n := range s.notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
}

// figure writes a number with about three digits that count.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
