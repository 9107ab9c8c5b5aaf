package train

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ErrWeightMap: a rule of a weight map that cannot be read.
var ErrWeightMap = errors.New("unusable weight map")

// WeightMap says under which names, and turned or split how, the tensors of
// another program's weights file become those of a model. The zero value keeps
// every name.
type WeightMap struct{ rules []mapRule }

// mapRule sends the tensors that a pattern matches to targets.
type mapRule struct {
	pattern *regexp.Regexp
	targets []string // expansions of the pattern; none: the tensor is left out
	axes    []int    // of a transposition; nil: none
	reverse bool     // transpose by turning the order of the axes around
	split   bool
	axis    int
	sizes   []int // of the parts; nil: equal ones
}

// ParseWeightMap reads rules, one a line; blank lines and those that begin with
// # do not count. The first rule whose pattern matches a tensor's whole name
// decides; a tensor that none matches keeps its name.
//
//	model.*                  = *                    a prefix goes
//	layer1.*.bn1.*           = stage.0.*.bn1.*      each * stands for the same text as on the left
//	/^h\.(\d+)\.(.*)$/       = layers.$1.$2         a regular expression between slashes
//	h.*.c_fc.weight          = h.*.c_fc.weight | transpose
//	conv.kernel              = conv.weight | transpose(3, 2, 0, 1)
//	h.*.qkv.weight           = h.*.q.weight, h.*.k.weight, h.*.v.weight | split(0)
//	h.*.gates                = h.*.in, h.*.out | split(0, 64, 32)
//	*.num_batches_tracked    = -                    left out
//
// transpose turns the order of the axes around or puts them into the order
// given; split cuts along an axis into as many parts as there are targets,
// equal ones or of the sizes given, after any transposition.
func ParseWeightMap(text string) (*WeightMap, error) {
	m := &WeightMap{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		rule, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %q: %w", ErrWeightMap, number, line, err)
		}
		m.rules = append(m.rules, rule)
	}
	return m, nil
}

func parseRule(line string) (r mapRule, err error) {
	at := strings.LastIndex(line, "=")
	if at < 0 {
		return r, errors.New("a rule is written pattern = target")
	}
	pattern := strings.TrimSpace(line[:at])
	parts := strings.Split(line[at+1:], "|")
	stars, err := r.compile(pattern)
	if err != nil {
		return r, err
	}
	if targets := strings.TrimSpace(parts[0]); targets != "-" {
		for _, t := range strings.Split(targets, ",") {
			if t = strings.TrimSpace(t); t == "" {
				return r, errors.New("no target; - leaves the tensor out")
			}
			if stars >= 0 {
				if t, err = fillStars(t, stars); err != nil {
					return r, err
				}
			}
			r.targets = append(r.targets, t)
		}
	}
	for _, op := range parts[1:] {
		if err := r.operation(strings.TrimSpace(op)); err != nil {
			return r, err
		}
	}
	switch {
	case len(r.targets) > 1 && !r.split:
		return r, errors.New("several targets need a split")
	case r.sizes != nil && len(r.sizes) != len(r.targets):
		return r, fmt.Errorf("%d sizes for %d targets", len(r.sizes), len(r.targets))
	}
	return r, nil
}

// compile sets the pattern and returns the number of its stars, -1 for a regular
// expression.
func (r *mapRule) compile(pattern string) (stars int, err error) {
	if len(pattern) > 1 && pattern[0] == '/' && pattern[len(pattern)-1] == '/' {
		r.pattern, err = regexp.Compile("^(?:" + pattern[1:len(pattern)-1] + ")$")
		return -1, err
	}
	if pattern == "" {
		return 0, errors.New("no pattern")
	}
	stars = strings.Count(pattern, "*")
	text := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, "(.+)")
	r.pattern, err = regexp.Compile("^" + text + "$")
	return stars, err
}

// fillStars turns each * of a target into the text of the pattern's star of the
// same number.
func fillStars(target string, stars int) (string, error) {
	var b strings.Builder
	n := 0
	for _, c := range strings.ReplaceAll(target, "$", "$$") {
		if c != '*' {
			b.WriteRune(c)
			continue
		}
		n++
		fmt.Fprintf(&b, "${%d}", n)
	}
	if n > stars {
		return "", fmt.Errorf("%q has %d stars, the pattern %d", target, n, stars)
	}
	return b.String(), nil
}

// operation reads transpose, transpose(1, 0), split(0) or split(0, 8, 4).
func (r *mapRule) operation(text string) error {
	name, rest, has := strings.Cut(text, "(")
	var numbers []int
	if has {
		rest, closed := strings.CutSuffix(rest, ")")
		if !closed {
			return fmt.Errorf("%q has no closing parenthesis", text)
		}
		for _, f := range strings.Split(rest, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(f))
			if err != nil || n < 0 {
				return fmt.Errorf("%q takes whole numbers", text)
			}
			numbers = append(numbers, n)
		}
	}
	switch name = strings.TrimSpace(name); {
	case name == "transpose" && !r.split:
		r.reverse, r.axes = !has, numbers
		return permutation(numbers)
	case name == "transpose":
		return errors.New("transpose comes before split")
	case name == "split" && len(numbers) > 0:
		r.split, r.axis = true, numbers[0]
		if len(numbers) > 1 {
			r.sizes = numbers[1:]
		}
		return nil
	}
	return fmt.Errorf("%q is neither transpose nor split(axis)", text)
}

func permutation(axes []int) error {
	seen := make([]bool, len(axes))
	for _, a := range axes {
		if a >= len(axes) || seen[a] {
			return fmt.Errorf("%v is no order of %d axes", axes, len(axes))
		}
		seen[a] = true
	}
	return nil
}

// view is a tensor of a file seen under another name, order of axes or in part.
type view struct {
	name    string // for the model
	source  int    // number of the tensor in the file
	mapped  bool   // a rule made it
	shape   []int
	strides []int // of the source's elements
	offset  int
}

// views returns what tensor number source of a file becomes.
func (m *WeightMap) views(source int, name string, shape []int) ([]view, error) {
	whole := view{name: name, source: source, shape: shape, strides: make([]int, len(shape))}
	step := 1
	for a := len(shape) - 1; a >= 0; a-- {
		whole.strides[a] = step
		step *= shape[a]
	}
	if m == nil {
		return []view{whole}, nil
	}
	for _, r := range m.rules {
		if at := r.pattern.FindStringSubmatchIndex(name); at != nil {
			whole.mapped = true
			list, err := r.apply(whole, func(target string) string {
				return string(r.pattern.ExpandString(nil, target, name, at))
			})
			if err != nil {
				return nil, fmt.Errorf("%w: tensor %q of shape %v: %w", ErrWeightMap, name, shape, err)
			}
			return list, nil
		}
	}
	return []view{whole}, nil
}

// apply turns and splits v; name gives a target's name.
func (r *mapRule) apply(v view, name func(string) string) ([]view, error) {
	axes := r.axes
	if r.reverse {
		for a := range v.shape {
			axes = append([]int{a}, axes...)
		}
	}
	if axes != nil {
		if len(axes) != len(v.shape) {
			return nil, fmt.Errorf("transpose of %d axes", len(axes))
		}
		turned := v
		turned.shape, turned.strides = make([]int, len(axes)), make([]int, len(axes))
		for i, a := range axes {
			turned.shape[i], turned.strides[i] = v.shape[a], v.strides[a]
		}
		v = turned
	}
	switch {
	case r.split:
		return r.cut(v, name)
	case len(r.targets) == 0:
		return nil, nil
	}
	v.name = name(r.targets[0])
	return []view{v}, nil
}

// cut splits v along the rule's axis.
func (r *mapRule) cut(v view, name func(string) string) ([]view, error) {
	if r.axis >= len(v.shape) {
		return nil, fmt.Errorf("split along axis %d", r.axis)
	}
	sizes, total := r.sizes, 0
	if sizes == nil && len(r.targets) > 0 {
		for range r.targets {
			sizes = append(sizes, v.shape[r.axis]/len(r.targets))
		}
	}
	for _, n := range sizes {
		total += n
	}
	if total != v.shape[r.axis] {
		return nil, fmt.Errorf("the parts %v do not add up to %d", sizes, v.shape[r.axis])
	}
	var list []view
	for i, t := range r.targets {
		part := v
		part.name = name(t)
		part.shape = append([]int(nil), v.shape...)
		part.shape[r.axis] = sizes[i]
		list = append(list, part)
		v.offset += sizes[i] * v.strides[r.axis]
	}
	return list, nil
}

// contiguous reports whether the view is its source as it lies in the file.
func (v *view) contiguous(elems int) bool {
	step := 1
	for a := len(v.shape) - 1; a >= 0; a-- {
		if v.shape[a] != 1 && v.strides[a] != step {
			return false
		}
		step *= v.shape[a]
	}
	return v.offset == 0 && step == elems
}

// take copies the view's elements, row-major, from those of its source.
func take[T any](v *view, src []T) []T {
	dst := make([]T, elements(v.shape))
	index := make([]int, len(v.shape))
	at := v.offset
	for i := range dst {
		dst[i] = src[at]
		for a := len(index) - 1; a >= 0; a-- {
			index[a]++
			at += v.strides[a]
			if index[a] < v.shape[a] {
				break
			}
			at -= index[a] * v.strides[a]
			index[a] = 0
		}
	}
	return dst
}
