package train

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Feeds says where inputs come from that are no columns of the data.
type Feeds struct {
	// Draws names inputs that get standard normal noise, such as the latent
	// vectors of a generator: a function of the run's seed, the input's name, the
	// epoch and the batch.
	Draws []string `json:"draws,omitempty"`
	// ClassWeights has a factor for each class; see BalancedWeights. An input of
	// the train block called class_weight or class_weights gets them as they
	// are, one called sample_weight or sample_weights gets each sample's.
	ClassWeights []float32 `json:"class_weights,omitempty"`
}

// keyFeeds is where a weights file keeps the Feeds of its run, as JSON.
const keyFeeds = "mlc.feeds"

// feedKind says what fills an input.
type feedKind uint8

const (
	fromColumn feedKind = iota
	fromDraw
	fromClassWeights  // the same vector for every batch
	fromSampleWeights // the weight of each sample's class
)

// kind returns what fills the input called name.
func (x Feeds) kind(name string) feedKind {
	switch {
	case slices.Contains(x.Draws, name):
		return fromDraw
	case x.ClassWeights == nil:
	case sameName(name, "class_weight"):
		return fromClassWeights
	case sameName(name, "sample_weight"):
		return fromSampleWeights
	}
	return fromColumn
}

// Rest returns the inputs that columns of the data must feed.
func (x Feeds) Rest(inputs []mlrt.Field) []mlrt.Field {
	return slices.DeleteFunc(slices.Clone(inputs), func(in mlrt.Field) bool { return x.kind(in.Name) != fromColumn })
}

// bind is match for inputs of which some do not come from columns.
func (x Feeds) bind(inputs []mlrt.Field, columns []Column) ([]bind, error) {
	matched, err := match(x.Rest(inputs), columns)
	if err != nil {
		return nil, err
	}
	if err := x.check(inputs); err != nil {
		return nil, err
	}
	binds := make([]bind, len(inputs))
	for i, in := range inputs {
		b := bind{kind: x.kind(in.Name), dtype: in.DType, name: in.Name}
		switch b.kind {
		case fromColumn:
			b, matched = matched[0], matched[1:]
			b.name = in.Name
		case fromDraw:
			var known bool
			if b.shape, known = fixedShape(in.Shape[min(1, len(in.Shape)):]); !known || len(in.Shape) == 0 || in.DType != mlrt.Float32 {
				return nil, fmt.Errorf("%w: input %q is %s: only float32 inputs with a batch axis and fixed sizes can be drawn", ErrMismatch, in.Name, Describe(in))
			}
		case fromClassWeights:
			if len(in.Shape) != 1 || in.Shape[0].Name != "" || in.Shape[0].Size != len(x.ClassWeights) || in.DType != mlrt.Float32 {
				return nil, fmt.Errorf("%w: input %q is %s, the data has weights of %d classes", ErrMismatch, in.Name, Describe(in), len(x.ClassWeights))
			}
			b.weights = x.ClassWeights
		case fromSampleWeights:
			if len(in.Shape) != 1 || in.DType != mlrt.Float32 {
				return nil, fmt.Errorf("%w: input %q is %s, sample weights are float32[batch]", ErrMismatch, in.Name, Describe(in))
			}
			b.weights = x.ClassWeights
			if b.column, err = classColumn(columns); err != nil {
				return nil, err
			}
		}
		binds[i] = b
	}
	return binds, nil
}

// check refuses names that are no inputs.
func (x Feeds) check(inputs []mlrt.Field) error {
	for _, name := range x.Draws {
		if !slices.ContainsFunc(inputs, func(in mlrt.Field) bool { return in.Name == name }) {
			return fmt.Errorf("%w: no input %q to draw", ErrMismatch, name)
		}
	}
	return nil
}

// only returns the feeds without the draws that inputs do not name: a run of
// several blocks draws for those that ask.
func (x Feeds) only(inputs []mlrt.Field) Feeds {
	x.Draws = slices.DeleteFunc(slices.Clone(x.Draws), func(name string) bool {
		return !slices.ContainsFunc(inputs, func(in mlrt.Field) bool { return in.Name == name })
	})
	return x
}

// classColumn returns the one column that holds class indices.
func classColumn(columns []Column) (int, error) {
	found := -1
	for i, c := range columns {
		if c.Classes > 1 && elements(c.Shape) == 1 {
			if found >= 0 {
				return 0, fmt.Errorf("%w: columns %q and %q both hold classes", ErrMismatch, columns[found].Name, c.Name)
			}
			found = i
		}
	}
	if found < 0 {
		return 0, fmt.Errorf("%w: class weights need a column of classes", ErrMismatch)
	}
	return found, nil
}

// BalancedWeights returns a weight for each class of the data's one column of
// classes: samples / (classes x samples of the class), so that each class weighs
// the same in all and the mean weight of a sample is 1. A class without samples
// gets 0.
func BalancedWeights(d Data) ([]float32, error) {
	c, err := classColumn(d.Columns())
	if err != nil {
		return nil, err
	}
	counts := make([]int, d.Columns()[c].Classes)
	const part = 1 << 12
	samples, labels := make([]int, 0, part), make([]int32, part)
	for lo := 0; lo < d.Len(); lo += part {
		samples = samples[:0]
		for i := lo; i < min(lo+part, d.Len()); i++ {
			samples = append(samples, i)
		}
		if err := d.Read(c, samples, labels[:len(samples)]); err != nil {
			return nil, err
		}
		for _, k := range labels[:len(samples)] {
			counts[k]++
		}
	}
	weights := make([]float32, len(counts))
	for k, n := range counts {
		if n > 0 {
			weights[k] = float32(float64(d.Len()) / (float64(len(counts)) * float64(n)))
		}
	}
	return weights, nil
}

// draw fills dst with standard normal numbers (Box and Muller), a function of
// the key, the epoch and the batch alone.
func draw(dst []float32, key [2]uint32, epoch, batch int) {
	for i := 0; i < len(dst); i += 2 {
		w := mlrt.Philox(key, [4]uint32{uint32(i / 2), uint32(uint64(i/2) >> 32), uint32(epoch), uint32(batch)})
		const scale = 0x1p-32
		radius := math.Sqrt(-2 * mlrt.Log64((float64(w[0])+0.5)*scale))
		angle := 2 * math.Pi * (float64(w[1]) * scale)
		dst[i] = float32(radius * mlrt.Cos64(angle))
		if i+1 < len(dst) {
			dst[i+1] = float32(radius * mlrt.Sin64(angle))
		}
	}
}

// metadata returns the feeds' JSON, "" when there are none.
func (x Feeds) metadata() (string, error) {
	if len(x.Draws) == 0 && x.ClassWeights == nil {
		return "", nil
	}
	text, err := json.Marshal(x)
	return string(text), err
}

// feeds returns the Feeds that the run of a weights file had.
func (w *Weights) feeds() (x Feeds, err error) {
	if text := w.Metadata(keyFeeds); text != "" {
		err = json.Unmarshal([]byte(text), &x)
	}
	if err != nil {
		err = fmt.Errorf("%w: %s: metadata %s: %w", mlrt.ErrWeights, w.Name, keyFeeds, err)
	}
	return x, err
}
