package train

import (
	"fmt"
	"slices"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// LoadOptions say how a weights file becomes a model's tensors.
type LoadOptions struct {
	Map       *WeightMap // renames, turns and splits the file's tensors; nil keeps them
	Partial   bool       // tensors may be missing from the file, and the file may have more
	Optimizer bool       // the optimizer's state too, as a resumed run needs it
	// NoAverages takes a checkpoint's parameters themselves where its run kept
	// moving averages of them (`ema`), which count otherwise.
	NoAverages bool
}

// LoadReport says what Load left alone. Both lists are empty unless
// LoadOptions.Partial was set.
type LoadReport struct {
	Loaded     int
	Missing    []string // tensors of the model that the file does not have
	Unexpected []string // tensors of the file, by the names of the map, that the model does not have
}

// Load sets the model's parameters and buffers from the file. Float tensors are
// converted to the model's float type (to 16 bits by way of float32). The first difference, a
// tensor that is missing, of another shape or element type, or unexpected, is an
// error that wraps ErrWeightsMismatch and names it; nothing has been set then.
func (w *Weights) Load(m mlrt.Model, o LoadOptions) (*LoadReport, error) {
	vars := m.Info().Vars
	list, report, err := w.fit(vars, m.Info().Name, o)
	if err != nil {
		return nil, err
	}
	for i, s := range list {
		if s.Data == nil {
			continue
		}
		if err := m.WriteVar(i, s.Data); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// Convert returns the tensors that Load would set, in the model's order, for
// mlrt.WriteFile.
func (w *Weights) Convert(info *mlrt.Info, o LoadOptions) ([]mlrt.Stored, *LoadReport, error) {
	list, report, err := w.fit(info.Vars, info.Name, o)
	return slices.DeleteFunc(list, func(s mlrt.Stored) bool { return s.Data == nil }), report, err
}

// fit reads a tensor for each of vars; Data is nil for those left alone.
func (w *Weights) fit(vars []mlrt.VarInfo, model string, o LoadOptions) ([]mlrt.Stored, *LoadReport, error) {
	views, err := w.views(o)
	if err != nil {
		return nil, nil, err
	}
	byName := make(map[string]*view, len(views))
	for i := range views {
		byName[views[i].name] = &views[i]
	}
	report := &LoadReport{}
	wanted := map[string]bool{}
	list := make([]mlrt.Stored, len(vars))
	for i, v := range vars {
		wanted[v.Name] = true
		if v.Kind == mlrt.Optimizer && !o.Optimizer {
			continue
		}
		from := byName[v.Name]
		if from == nil {
			report.Missing = append(report.Missing, v.Name)
			if !o.Partial {
				return nil, nil, w.missing(v, model, views, vars)
			}
			continue
		}
		if list[i].Data, err = w.read(from, v, model); err != nil {
			return nil, nil, err
		}
		list[i].Name, list[i].DType, list[i].Shape = v.Name, v.DType, v.Shape
		report.Loaded++
	}
	report.Unexpected = unexpected(views, wanted)
	switch {
	case len(report.Unexpected) > 0 && !o.Partial:
		return nil, nil, fmt.Errorf("%w: %s has a tensor %q, which model %s does not\n--partial loads the others, --map '%s=-' leaves it out",
			ErrWeightsMismatch, w.Name, report.Unexpected[0], model, report.Unexpected[0])
	case report.Loaded == 0:
		return nil, nil, fmt.Errorf("%w: no tensor of %s has a name that model %s knows\nthe file has %s\nthe model has %s",
			ErrWeightsMismatch, w.Name, model, some(w.File.Names()), some(report.Missing))
	}
	return list, report, nil
}

// views lists what the file's tensors become, in the file's order. A tensor that
// a rule renames takes the place of one that has the name already; two rules must
// not meet.
func (w *Weights) views(o LoadOptions) ([]view, error) {
	var list []view
	at := map[string]int{}
	for k := range w.File.Len() {
		t := w.File.Tensor(k)
		views, err := o.Map.views(k, t.Name, t.Shape)
		if err != nil {
			return nil, err
		}
		for _, v := range views {
			i, twice := at[v.name]
			switch {
			case !twice:
				at[v.name] = len(list)
				list = append(list, v)
			case v.mapped && list[i].mapped:
				return nil, fmt.Errorf("%w: tensors %q and %q both become %q", ErrWeightMap, w.File.Tensor(list[i].source).Name, t.Name, v.name)
			case v.mapped:
				list[i] = v
			}
		}
	}
	if !o.Optimizer && !o.NoAverages {
		w.averaged(list, at)
	}
	return list, nil
}

// optimizerPrefix begins the names of optimizer state in checkpoints.
const optimizerPrefix = "optimizer/"

func unexpected(views []view, wanted map[string]bool) []string {
	var names []string
	for _, v := range views {
		if !wanted[v.name] && !strings.HasPrefix(v.name, optimizerPrefix) {
			names = append(names, v.name)
		}
	}
	return names
}

// missing is the error about a tensor that the file does not have. It names
// those of the same shape that the model has no place for.
func (w *Weights) missing(v mlrt.VarInfo, model string, views []view, vars []mlrt.VarInfo) error {
	wanted := map[string]bool{}
	for _, o := range vars {
		wanted[o.Name] = true
	}
	var alike []string
	for _, u := range views {
		if !wanted[u.name] && slices.Equal(u.shape, v.Shape) {
			alike = append(alike, u.name)
		}
	}
	err := fmt.Errorf("%w: %s has no tensor %q, which model %s needs", ErrWeightsMismatch, w.Name, v.Name, model)
	if len(alike) > 0 {
		err = fmt.Errorf("%w\nunder another name and of that shape, %v, it has %s; --map renames tensors", err, v.Shape, some(alike))
	}
	return err
}

// some lists the first few names.
func some(names []string) string {
	const most = 4
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// read returns the elements of a view as the model stores v.
func (w *Weights) read(from *view, v mlrt.VarInfo, model string) (any, error) {
	t := w.File.Tensor(from.source)
	if !slices.Equal(from.shape, v.Shape) {
		err := fmt.Errorf("%w: tensor %q of %s has shape %v, model %s needs %v", ErrWeightsMismatch, v.Name, w.Name, from.shape, model, v.Shape)
		if len(v.Shape) == 2 && slices.Equal(from.shape, []int{v.Shape[1], v.Shape[0]}) {
			err = fmt.Errorf("%w\n--map '%s=%s | transpose' turns it", err, t.Name, v.Name)
		}
		return nil, err
	}
	if t.DType != v.DType && !(isFloat(t.DType) && isFloat(v.DType)) {
		return nil, fmt.Errorf("%w: tensor %q of %s is %v, model %s needs %v", ErrWeightsMismatch, v.Name, w.Name, t.DType, model, v.DType)
	}
	as := v.DType
	if half := as == mlrt.BFloat16 || as == mlrt.Float16; half && t.DType != as {
		as = mlrt.Float32
	}
	data := as.Make(elements(t.Shape))
	if err := w.File.Read(from.source, data); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", mlrt.ErrWeights, w.Name, err)
	}
	if !from.contiguous(elements(t.Shape)) {
		data = takeAny(from, data)
	}
	if as != v.DType {
		data = narrow(data.([]float32), v.DType)
	}
	return data, nil
}

// narrow rounds to a 16-bit float type.
func narrow(src []float32, t mlrt.DType) []uint16 {
	dst := make([]uint16, len(src))
	for i, x := range src {
		if t == mlrt.BFloat16 {
			dst[i] = mlrt.ToBFloat16(x)
		} else {
			dst[i] = mlrt.ToFloat16(x)
		}
	}
	return dst
}

func takeAny(v *view, src any) any {
	switch s := src.(type) {
	case []float32:
		return take(v, s)
	case []float64:
		return take(v, s)
	case []uint16:
		return take(v, s)
	case []int64:
		return take(v, s)
	case []int32:
		return take(v, s)
	case []int16:
		return take(v, s)
	case []int8:
		return take(v, s)
	case []uint8:
		return take(v, s)
	case []bool:
		return take(v, s)
	}
	return src
}
