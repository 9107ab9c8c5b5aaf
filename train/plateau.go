package train

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// scaleInput is the run-time setting that multiplies every optimizer's rate.
const scaleInput = "lr_scale"

// Plateau lowers the learning rate when a figure has stopped improving, as
// PyTorch's ReduceLROnPlateau does. It works on a scale, 1 at the start, that
// multiplies the rate of every optimizer of the model, whatever its schedule.
// The zero value reduces to nothing; start from NewPlateau.
type Plateau struct {
	Factor    float64 // of a reduction, below 1
	Patience  int     // epochs without improvement that are tolerated
	Threshold float64 // of what counts as an improvement
	Absolute  bool    // the threshold is a difference, not a part of the best figure
	Cooldown  int     // epochs after a reduction that do not count
	MinScale  float64 // the scale never goes below
	Maximize  bool    // larger figures are better
	Metric    string  // of the test data, or of training without any; "" is the loss
}

// NewPlateau returns PyTorch's defaults.
func NewPlateau() *Plateau { return &Plateau{Factor: 0.1, Patience: 10, Threshold: 1e-4} }

// ParsePlateau reads "factor=0.5,patience=2" and the like: the fields in lower
// case (factor, patience, threshold, cooldown, min_scale, metric), mode=min or
// max, and threshold_mode=rel or abs. What is not named is as in NewPlateau.
func ParsePlateau(text string) (*Plateau, error) {
	p := NewPlateau()
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if err := p.set(name, value); err != nil {
			return nil, err
		}
	}
	return p, p.check()
}

func (p *Plateau) set(name, value string) (err error) {
	oneOf := func(low, high string) (bool, error) {
		if value != low && value != high {
			return false, fmt.Errorf("plateau: %s is %s or %s, not %q", name, low, high, value)
		}
		return value == high, nil
	}
	switch name {
	case "factor":
		p.Factor, err = strconv.ParseFloat(value, 64)
	case "patience":
		p.Patience, err = strconv.Atoi(value)
	case "threshold":
		p.Threshold, err = strconv.ParseFloat(value, 64)
	case "cooldown":
		p.Cooldown, err = strconv.Atoi(value)
	case "min_scale":
		p.MinScale, err = strconv.ParseFloat(value, 64)
	case "mode":
		p.Maximize, err = oneOf("min", "max")
	case "threshold_mode":
		p.Absolute, err = oneOf("rel", "abs")
	case "metric":
		p.Metric = value
	default:
		return fmt.Errorf("plateau has no %q; it has factor, patience, threshold, threshold_mode, cooldown, min_scale, mode and metric", name)
	}
	if err != nil {
		return fmt.Errorf("plateau: %s: %w", name, err)
	}
	return nil
}

func (p *Plateau) check() error {
	switch {
	case !(p.Factor >= 0 && p.Factor < 1):
		return fmt.Errorf("plateau: factor %v is not below 1", p.Factor)
	case p.Patience < 0 || p.Cooldown < 0:
		return fmt.Errorf("plateau: patience and cooldown must not be negative")
	case !(p.Threshold >= 0) || !(p.MinScale >= 0 && p.MinScale <= 1):
		return fmt.Errorf("plateau: threshold %v or min_scale %v is out of range", p.Threshold, p.MinScale)
	}
	return nil
}

// plateauState is where a plateau stands between two epochs; it is part of a
// checkpoint.
type plateauState struct {
	Scale    float64 `json:"scale"`
	Best     float64 `json:"best"`
	Seen     bool    `json:"seen"` // Best holds a figure
	Bad      int     `json:"bad"`  // epochs since the last improvement
	Cooldown int     `json:"cooldown"`
}

// minChange is the smallest reduction that is made.
const minChange = 1e-8

// next takes an epoch's figure into account.
func (p *Plateau) next(s plateauState, figure float64) plateauState {
	if p.better(s, figure) {
		s.Best, s.Seen, s.Bad = figure, true, 0
	} else {
		s.Bad++
	}
	if s.Cooldown > 0 {
		s.Cooldown--
		s.Bad = 0
	}
	if s.Bad > p.Patience {
		if lower := math.Max(s.Scale*p.Factor, p.MinScale); s.Scale-lower > minChange {
			s.Scale = lower
		}
		s.Cooldown, s.Bad = p.Cooldown, 0
	}
	return s
}

func (p *Plateau) better(s plateauState, figure float64) bool {
	sign := 1.0
	if p.Maximize {
		sign = -1
	}
	switch {
	case math.IsNaN(figure) || math.IsInf(figure, 0):
		return false
	case !s.Seen:
		return true
	case p.Absolute:
		return sign*figure < sign*s.Best-p.Threshold
	}
	return sign*figure < sign*(s.Best*(1-sign*p.Threshold))
}

// figure returns what the plateau watches of a finished epoch.
func (p *Plateau) figure(e EpochDone) (float64, error) {
	loss, metrics := float64(e.TrainLoss), e.TrainMetrics
	if e.TestLoss != nil {
		loss, metrics = float64(*e.TestLoss), e.TestMetrics
	}
	if p.Metric == "" {
		return loss, nil
	}
	v, ok := metrics[p.Metric]
	if !ok {
		return 0, fmt.Errorf("%w: plateau watches the metric %q, which the train block does not have", ErrMismatch, p.Metric)
	}
	return float64(v), nil
}

// plateau moves the run's plateau on and tells the trainer the new scale.
func (r *run) plateau(e *EpochDone) error {
	p := r.o.Plateau
	if p == nil {
		return nil
	}
	figure, err := p.figure(*e)
	if err != nil {
		return err
	}
	next := p.next(*r.state.Plateau, figure)
	r.state.Plateau = &next
	r.trainer.SetInput(scaleInput, next.Scale)
	e.LRScale = number(next.Scale)
	return nil
}
