package data

import (
	"fmt"
	"math"
)

// maxPrepared bounds the table of prepared values of a byte column.
const maxPrepared = 1 << 20

// Scaling is the preprocessing of one column: y = (x/Divide - Mean) / Std in
// float64. Mean and Std have one number for all elements of a sample, or one
// for each, or are empty for 0 and 1.
type Scaling struct {
	Column string    `json:"column"`
	Divide float64   `json:"divide,omitempty"` // 0 stands for 1
	Mean   []float64 `json:"mean,omitempty"`
	Std    []float64 `json:"std,omitempty"`
}

// apply returns the preprocessed value of element j. It has no product that
// feeds a sum, so no machine can fuse it.
func (p *Scaling) apply(x float64, j int) float64 {
	if p.Divide != 0 {
		x /= p.Divide
	}
	switch len(p.Mean) {
	case 0:
	case 1:
		x -= p.Mean[0]
	default:
		x -= p.Mean[j]
	}
	switch len(p.Std) {
	case 0:
	case 1:
		x /= p.Std[0]
	default:
		x /= p.Std[j]
	}
	return x
}

// validate checks a scaling against the elements of its column.
func (p *Scaling) validate(elements int) error {
	for _, v := range [][]float64{p.Mean, p.Std} {
		if len(v) > 1 && len(v) != elements {
			return fmt.Errorf("%w: preprocessing of column %q is for %d elements, the data has %d", ErrData, p.Column, len(v), elements)
		}
		for _, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("%w: preprocessing of column %q holds %v", ErrData, p.Column, x)
			}
		}
	}
	for _, x := range p.Std {
		if x == 0 {
			return fmt.Errorf("%w: preprocessing of column %q divides by 0", ErrData, p.Column)
		}
	}
	return nil
}

// Scale returns the set with the given preprocessing, which replaces an earlier
// one. A scaling of a column that the set does not have is an error.
func (s *Set) Scale(list ...Scaling) (*Set, error) {
	t := *s
	t.columns = append([]*column(nil), s.columns...)
	for _, p := range list {
		i := t.Find(p.Column)
		if i < 0 {
			return nil, bad(s.name, "no column %q to preprocess", p.Column)
		}
		col := *t.columns[i]
		if err := p.validate(col.size); err != nil {
			return nil, err
		}
		col.scaling, col.prepared = &p, nil
		col.prepare()
		t.columns[i] = &col
	}
	return &t, nil
}

// prepare fills the table of prepared values of a byte column, if it is not too
// large: divisions take longer than a training step of a small model.
func (c *column) prepare() {
	if c.bytes == nil {
		return
	}
	elements := 1
	if len(c.scaling.Mean) > 1 || len(c.scaling.Std) > 1 {
		elements = c.size
	}
	if elements*256 > maxPrepared {
		return
	}
	c.prepared = make([]float32, elements*256)
	for i := range c.prepared {
		c.prepared[i] = float32(c.scaling.apply(float64(i&255), i>>8))
	}
}

// Standardise returns the scaling that gives each element of the column mean 0
// and variance 1 over the set (population variance); elements that never change
// are only shifted. keep, if not nil, says which elements stay as they are. The
// values are divided by divide first, 0 standing for 1.
func (s *Set) Standardise(name string, divide float64, keep func(element int) bool) (Scaling, error) {
	p := Scaling{Column: name, Divide: divide}
	i := s.Find(name)
	if i < 0 {
		return p, bad(s.name, "no column %q to standardise", name)
	}
	if s.n == 0 {
		return p, bad(s.name, "no samples to standardise column %q by", name)
	}
	col := s.columns[i]
	plain := Scaling{Divide: divide}
	p.Mean, p.Std = make([]float64, col.size), make([]float64, col.size)
	for k := range s.n {
		from := s.row(k) * col.size
		for j := range col.size {
			p.Mean[j] += plain.apply(col.at(from+j), j)
		}
	}
	for j := range p.Mean {
		p.Mean[j] /= float64(s.n)
	}
	for k := range s.n {
		from := s.row(k) * col.size
		for j := range col.size {
			d := plain.apply(col.at(from+j), j) - p.Mean[j]
			p.Std[j] += float64(d * d)
		}
	}
	for j := range p.Std {
		p.Std[j] = math.Sqrt(p.Std[j] / float64(s.n))
		if keep != nil && keep(j) {
			p.Mean[j], p.Std[j] = 0, 1
		} else if p.Std[j] == 0 {
			p.Std[j] = 1
		}
	}
	return p, nil
}

// StandardiseChannels returns the scaling that gives each channel of an image
// column, [height, width] or [channels, height, width], mean 0 and variance 1 over all its pixels in
// the set (population variance), as torchvision's Normalize does with a data
// set's own figures. The values are divided by divide first, 0 standing for 1.
func (s *Set) StandardiseChannels(name string, divide float64) (Scaling, error) {
	p := Scaling{Column: name, Divide: divide}
	i := s.Find(name)
	if i < 0 {
		return p, bad(s.name, "no column %q to standardise", name)
	}
	col := s.columns[i]
	if s.n == 0 {
		return p, bad(s.name, "no samples to standardise column %q by", name)
	}
	channels := 1
	if len(col.Shape) == 3 {
		channels = col.Shape[0]
	}
	area := col.size / channels
	plain := Scaling{Divide: divide}
	sum, squares := make([]float64, channels), make([]float64, channels)
	for k := range s.n {
		from := s.row(k) * col.size
		for j := range col.size {
			x := plain.apply(col.at(from+j), j)
			sum[j/area] += x
			squares[j/area] += float64(x * x)
		}
	}
	n := float64(s.n) * float64(area)
	for c := range channels {
		mean := sum[c] / n
		std := math.Sqrt(max(squares[c]/n-float64(mean*mean), 0))
		if std == 0 {
			std = 1
		}
		for range area {
			p.Mean, p.Std = append(p.Mean, mean), append(p.Std, std)
		}
	}
	if channels == 1 {
		p.Mean, p.Std = p.Mean[:1], p.Std[:1]
	}
	return p, nil
}
