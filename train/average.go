package train

import (
	"fmt"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// keyAverages is where a file names, separated by commas, the train blocks whose
// moving averages stand for the parameters: in a checkpoint they lie beside
// them, in a model file in their place.
const keyAverages = "mlc.ema"

// averages knows the moving averages that train blocks with `ema` keep. What a
// run evaluates and hands on are the averages; what it trains are the parameters.
type averages struct {
	trainer mlrt.Trainer
	blocks  []string    // that keep averages
	of      map[int]int // from a parameter's number to its average's
	pairs   [][2]int    // the same in the model's order
}

// newAverages finds the averages of some blocks. Where two of them keep one of
// the same parameter, the first decides.
func newAverages(t mlrt.Trainer, blocks []int) *averages {
	a := &averages{trainer: t, of: map[int]int{}}
	for _, b := range blocks {
		name := t.Info().Trains[b].Name
		pairs := t.Info().Averages(name)
		if len(pairs) > 0 {
			a.blocks = append(a.blocks, name)
		}
		for _, p := range pairs {
			if _, twice := a.of[p[0]]; !twice {
				a.of[p[0]] = p[1]
				a.pairs = append(a.pairs, p)
			}
		}
	}
	return a
}

// during runs f while each parameter and its average have changed places.
func (a *averages) during(f func() error) error {
	if err := a.swap(); err != nil {
		return err
	}
	err := f()
	if back := a.swap(); back != nil {
		return back
	}
	return err
}

func (a *averages) swap() error {
	vars := a.trainer.Info().Vars
	for _, p := range a.pairs {
		var values [2]any
		for i, k := range p {
			values[i] = vars[k].DType.Make(elements(vars[k].Shape))
			if err := a.trainer.ReadVar(k, values[i]); err != nil {
				return fmt.Errorf("reading %s: %w", vars[k].Name, err)
			}
		}
		for i, k := range p {
			if err := a.trainer.WriteVar(k, values[1-i]); err != nil {
				return fmt.Errorf("writing %s: %w", vars[k].Name, err)
			}
		}
	}
	return nil
}

// metadata notes the blocks in a file.
func (a *averages) metadata(m map[string]string) {
	if len(a.blocks) > 0 {
		m[keyAverages] = strings.Join(a.blocks, ",")
	}
}

// averaged puts the averages that a checkpoint holds in the place of the
// parameters. Tensors that a rule of a weight map made stay.
func (w *Weights) averaged(list []view, at map[string]int) {
	done := map[string]bool{}
	for _, block := range strings.Split(w.Metadata(keyAverages), ",") {
		for _, v := range list {
			param, ok := mlrt.AverageOf(v.name, block)
			i, known := at[param]
			if ok && known && !done[param] && !list[i].mapped {
				v.name, done[param] = param, true
				list[i] = v
			}
		}
	}
}
