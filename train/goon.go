package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// goOn continues each line of the job's rows character by character: the model
// scores what may follow, a draw by the seed chooses.
func (p *program) goOn(ctx context.Context, m mlrt.Model, entry int, job Job, t *data.Text) error {
	e := p.g.Info.Entries[entry]
	if len(e.Inputs) != 1 || len(e.Outputs) != 1 || len(e.Inputs[0].Shape) != 2 || len(e.Outputs[0].Shape) != 3 {
		return fmt.Errorf("%w: entry %s does not take tokens and score the next ones: %s", ErrMismatch, e.Name, Describe(e.Outputs[0]))
	}
	s := m.OpenSession(mlrt.Options{Threads: job.Threads, Target: job.Target})
	w := writer{session: s, entry: entry, info: e, text: t, temperature: job.Temperature, key: mlrt.StreamKey(job.Seed, "continue")}
	var err error
	for i, line := range lines(job.Rows) {
		var text string
		if text, err = w.write(ctx, line, job.Length, i); err != nil {
			break
		}
		p.tell(Predicted{Sample: i, Outputs: map[string][]Number{}, Text: text})
	}
	return errors.Join(err, s.Close())
}

// writer goes on with texts.
type writer struct {
	session     mlrt.Session
	entry       int
	info        mlrt.FuncInfo
	text        *data.Text
	temperature float64
	key         [2]uint32
}

// write returns the start with length more characters.
func (w *writer) write(ctx context.Context, start string, length, sample int) (string, error) {
	ids, err := w.text.Encode("the text", start)
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("%w: the text to go on with is empty", data.ErrData)
	}
	for k := 0; k < length && err == nil; k++ {
		if ctx.Err() != nil {
			return "", ErrInterrupted
		}
		var scores []Number
		if scores, err = w.next(ids[max(0, len(ids)-w.text.Context):]); err == nil {
			ids = append(ids, w.choose(scores, sample, k))
		}
	}
	return w.text.Decode(ids), err
}

// next returns the scores of what follows the tokens. An input of fixed length
// is filled up behind them, where a causal model does not look.
func (w *writer) next(ids []int32) ([]Number, error) {
	n := len(ids)
	in := w.info.Inputs[0]
	if d := in.Shape[1]; d.Name == "" {
		n = d.Size
		ids = ids[max(0, len(ids)-n):]
	}
	tokens := mlrt.Tensor{Shape: []int{1, n}, Data: in.DType.Make(n)}
	switch d := tokens.Data.(type) {
	case []int32:
		copy(d, ids)
	case []int64:
		for i, id := range ids {
			d[i] = int64(id)
		}
	default:
		return nil, fmt.Errorf("%w: input %q is %s, tokens are int32 or int64", ErrMismatch, in.Name, Describe(in))
	}
	results, err := w.session.Run(w.entry, []mlrt.Tensor{tokens})
	if err != nil {
		return nil, err
	}
	all := numbers(results[0].Data)
	width := len(all) / n
	return all[(len(ids)-1)*width : len(ids)*width], nil
}

// choose draws a token from the softmax of the scores over the temperature.
func (w *writer) choose(scores []Number, sample, k int) int32 {
	scores = scores[:min(len(scores), len(w.text.Vocabulary))]
	if w.temperature <= 0 {
		return int32(argmax(scores))
	}
	top, sum := float64(slices.Max(scores)), 0.0
	weights := make([]float64, len(scores))
	for i, s := range scores {
		weights[i] = mlrt.Exp64((float64(s) - top) / w.temperature)
		sum += weights[i]
	}
	draw := mlrt.Philox(w.key, [4]uint32{uint32(k), uint32(sample), 0, 0})
	rest := float64(draw[0]) * 0x1p-32 * sum
	for i, weight := range weights {
		if rest -= weight; rest < 0 {
			return int32(i)
		}
	}
	return int32(len(weights) - 1)
}
