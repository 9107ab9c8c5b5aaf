package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// predict answers a job's images or rows, one event a sample.
func (p *program) predict(ctx context.Context, job Job) error {
	m := p.g.New(0)
	w, err := p.load(m, job)
	if err != nil {
		return err
	}
	entry, err := findEntry(p.g.Info, job.Entry)
	if err != nil {
		return err
	}
	t, err := w.Transform()
	if err != nil {
		return err
	}
	var asked Data
	var classes []string
	var spoken [][]string // the words of sentences
	switch {
	case t != nil && t.Tags != nil:
		asked, spoken, err = t.Sentences(lines(job.Rows))
	case t != nil && t.Text != nil:
		return p.goOn(ctx, m, entry, job, t.Text)
	default:
		asked, classes, err = openAsked(job, w, t)
	}
	if err != nil {
		return err
	}
	f, err := newFeed(p.g.Info.Entries[entry].Inputs, asked, Feeds{Draws: job.Draws}, job.Seed)
	if err != nil {
		return err
	}
	s := m.OpenSession(mlrt.Options{Threads: job.Threads, Target: job.Target})
	err = p.answer(ctx, s, entry, f, func(e *Predicted) {
		if spoken != nil {
			tag(e, p.g.Info.Entries[entry].Outputs, spoken[e.Sample], t.Tags)
			return
		}
		label(e, p.g.Info.Entries[entry].Outputs, classes)
		labelBinary(e, job.Binary, classes)
	})
	return errors.Join(err, s.Close())
}

// lines returns the lines of a text.
func lines(text []byte) []string { return strings.Split(strings.TrimRight(string(text), "\n"), "\n") }

// tag writes the likeliest tag behind each word.
func tag(e *Predicted, outputs []mlrt.Field, spoken, tags []string) {
	for _, out := range outputs {
		scores, n := e.Outputs[out.Name], len(tags)
		if len(out.Shape) != 3 || out.Shape[2].Size < n || len(scores) < out.Shape[2].Size*len(spoken) {
			continue
		}
		width := out.Shape[2].Size
		for i, w := range spoken {
			e.Text += w + "/" + tags[argmax(scores[i*width:i*width+n])] + " "
		}
		e.Text, e.Outputs = strings.TrimRight(e.Text, " "), map[string][]Number{}
		return
	}
}

// findEntry returns the number of an entry; name may be "" for the first.
func findEntry(info *mlrt.Info, name string) (int, error) {
	names := ""
	for i, e := range info.Entries {
		if name == "" || e.Name == name {
			return i, nil
		}
		names += " " + e.Name
	}
	return 0, fmt.Errorf("%w: model %s has no entry %q, it has:%s", ErrMismatch, info.Name, name, names)
}

// answer runs the entry one sample at a time: a row of a batch is the row of a
// batch of one, and one sample always fits.
func (p *program) answer(ctx context.Context, s mlrt.Session, entry int, f *feed, name func(*Predicted)) error {
	outputs := p.g.Info.Entries[entry].Outputs
	for i := range f.data.Len() {
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		inputs, err := f.load([]int{i}, evaluationEpoch, i)
		if err != nil {
			return err
		}
		results, err := s.Run(entry, inputs)
		if err != nil {
			return err
		}
		e := Predicted{Sample: i, Outputs: map[string][]Number{}}
		for k, out := range outputs {
			e.Outputs[out.Name] = numbers(results[k].Data)
		}
		name(&e)
		p.tell(e)
	}
	return nil
}

// label names the class with the largest score when exactly one output has a
// score for each class. Scores that are no probabilities count as logits.
func label(e *Predicted, outputs []mlrt.Field, classes []string) {
	var scores []Number
	for _, out := range outputs {
		if v := e.Outputs[out.Name]; len(v) == len(classes) && len(v) > 1 {
			if scores != nil {
				return
			}
			scores = v
		}
	}
	if scores == nil {
		return
	}
	best := argmax(scores)
	e.Class, e.Label, e.Probability = &best, classes[best], number(probability(scores, best))
}

// labelBinary names the class by the probability of the second of two.
func labelBinary(e *Predicted, output string, classes []string) {
	p := e.Outputs[output]
	if len(p) != 1 || len(classes) != 2 {
		return
	}
	class, probability := 0, 1-p[0]
	if p[0] >= 0.5 {
		class, probability = 1, p[0]
	}
	e.Class, e.Label, e.Probability = &class, classes[class], &probability
}

// argmax returns the index of the largest score, the lowest of equal ones.
func argmax(scores []Number) int {
	best := 0
	for i, v := range scores {
		if v > scores[best] {
			best = i
		}
	}
	return best
}

// probability returns scores[k] when the scores are a distribution, and its
// softmax otherwise.
func probability(scores []Number, k int) float64 {
	sum := 0.0
	for _, v := range scores {
		sum += float64(v)
	}
	const slack = 1e-3
	if slices.Min(scores) >= 0 && sum > 1-slack && sum < 1+slack {
		return float64(scores[k])
	}
	top := float64(slices.Max(scores))
	sum = 0
	for _, v := range scores {
		sum += mlrt.Exp64(float64(v) - top)
	}
	return mlrt.Exp64(float64(scores[k])-top) / sum
}

// numbers converts a tensor's elements.
func numbers(data any) []Number {
	switch d := data.(type) {
	case []float32:
		return convert(d)
	case []float64:
		return convert(d)
	case []int64:
		return convert(d)
	case []int32:
		return convert(d)
	case []int16:
		return convert(d)
	case []int8:
		return convert(d)
	case []uint8:
		return convert(d)
	case []bool:
		v := make([]Number, len(d))
		for i, b := range d {
			if b {
				v[i] = 1
			}
		}
		return v
	}
	return nil
}

func convert[T float32 | float64 | int64 | int32 | int16 | int8 | uint8](d []T) []Number {
	v := make([]Number, len(d))
	for i, x := range d {
		v[i] = Number(x)
	}
	return v
}

// confusion counts true against predicted classes when the first entry's only
// output has a score for each class of the data's one column of classes; it
// returns nil otherwise.
func confusion(ctx context.Context, s mlrt.Session, info *mlrt.Info, d Data, batch int) ([][]int, error) {
	column := slices.IndexFunc(d.Columns(), func(c Column) bool { return c.Classes > 1 && elements(c.Shape) == 1 })
	if column < 0 || len(info.Entries) == 0 || len(info.Entries[0].Outputs) != 1 {
		return nil, nil
	}
	out := info.Entries[0].Outputs[0]
	if len(out.Shape) != 2 || out.Shape[1].Name != "" || out.Shape[1].Size < d.Columns()[column].Classes {
		return nil, nil
	}
	f, err := newFeed(info.Entries[0].Inputs, d, Feeds{}, 0)
	if err != nil {
		return nil, nil // the entry needs more than the data has: no confusion matrix
	}
	classes, n := out.Shape[1].Size, d.Len()
	table := make([][]int, classes)
	for i := range table {
		table[i] = make([]int, classes)
	}
	if batch <= 0 || batch > n {
		batch = n
	}
	for lo := 0; lo < n; lo += batch {
		if ctx.Err() != nil {
			return nil, ErrInterrupted
		}
		samples := make([]int, min(batch, n-lo))
		for i := range samples {
			samples[i] = lo + i
		}
		truth := make([]int32, len(samples))
		if err := d.Read(column, samples, truth); err != nil {
			return nil, err
		}
		inputs, err := f.load(samples, evaluationEpoch, lo/batch)
		if err != nil {
			return nil, err
		}
		results, err := s.Run(0, inputs)
		if err != nil {
			return nil, err
		}
		scores := numbers(results[0].Data)
		for i, t := range truth {
			table[t][argmax(scores[i*classes:(i+1)*classes])]++
		}
	}
	return table, nil
}
