package data

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// The columns of a table's set, unless the options name others.
const (
	FeatureColumn = "features"
	TargetColumn  = "target"
)

// maxClasses bounds the classes that whole numbers in a target are taken for.
const maxClasses = 100

// fit finds out how a table becomes columns. training marks the rows that
// missing values are filled from.
func fit(t *rawTable, o *Options, training []int) (*Table, error) {
	width := len(t.rows[0])
	plan := &Table{Header: t.header != nil, Width: width, DropRows: o.Missing == "drop", TestShare: o.TestShare, SplitSeed: o.SplitSeed}
	target := width - 1
	var err error
	if o.Target != "" {
		if target, err = t.find(o.Target); err != nil {
			return nil, err
		}
	}
	skip, err := t.findAll(o.Drop)
	if err != nil {
		return nil, err
	}
	if o.Text != "" {
		if err := t.fitText(plan, o, training); err != nil {
			return nil, err
		}
		skip = append(skip, plan.Text.Index)
	}
	if o.Window > 0 {
		plan.Window, plan.Horizon = o.Window, max(1, o.Horizon)
	}
	categorical, err := t.findAll(o.Categorical)
	if err != nil {
		return nil, err
	}
	names, groups, err := t.groups(o, target, skip)
	if err != nil {
		return nil, err
	}
	for i, columns := range groups {
		in := TableInput{Name: names[i]}
		for _, c := range columns {
			f, err := t.fitField(c, slices.Contains(categorical, c), o, training)
			if err != nil {
				return nil, err
			}
			in.Fields = append(in.Fields, f)
		}
		plan.Inputs = append(plan.Inputs, in)
	}
	plan.Target, err = t.fitTarget(target, o)
	return plan, err
}

// groups returns the names and the fields of the set's float columns.
func (t *rawTable) groups(o *Options, target int, skip []int) (names []string, groups [][]int, err error) {
	for _, g := range o.Inputs {
		columns, err := t.findAll(g.Fields)
		if err != nil {
			return nil, nil, err
		}
		if len(columns) == 0 {
			return nil, nil, bad(t.file, "input %q has no fields", g.Name)
		}
		names, groups = append(names, g.Name), append(groups, columns)
	}
	if len(groups) > 0 {
		return names, groups, nil
	}
	var all []int
	for c := range t.rows[0] {
		if c != target && !slices.Contains(skip, c) {
			all = append(all, c)
		}
	}
	if o.Window > 0 {
		all = t.seriesFields(all, target)
	}
	if len(all) == 0 && o.Text != "" {
		return nil, nil, nil
	}
	if len(all) == 0 {
		return nil, nil, bad(t.file, "no columns besides the target")
	}
	return []string{FeatureColumn}, [][]int{all}, nil
}

func (t *rawTable) findAll(names []string) ([]int, error) {
	var list []int
	for _, n := range names {
		c, err := t.find(n)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// fitText makes the vocabulary of the column of text from the training rows.
func (t *rawTable) fitText(plan *Table, o *Options, training []int) error {
	c, err := t.find(o.Text)
	if err != nil {
		return err
	}
	texts := make([]string, len(training))
	for i, row := range training {
		texts[i] = t.rows[row][c]
	}
	plan.Text = &TextField{Name: t.name(c), Index: c, Text: Text{
		Words: true, Vocabulary: countWords(texts, cmp.Or(o.Vocabulary, defaultVocabulary)), Context: cmp.Or(o.Context, defaultContext),
	}}
	return nil
}

// seriesFields keeps the columns that hold numbers, such as no dates, and adds
// the target, whose past is known.
func (t *rawTable) seriesFields(columns []int, target int) (fields []int) {
	for _, c := range append(columns, target) {
		numbers := 0
		for _, row := range t.rows {
			if _, ok := number(row[c]); ok {
				numbers++
			}
		}
		if 2*numbers >= len(t.rows) {
			fields = append(fields, c)
		}
	}
	return fields
}

// fitField decides whether a column holds numbers or categories: numbers, if at
// least half of its known values are.
func (t *rawTable) fitField(c int, categorical bool, o *Options, training []int) (Field, error) {
	f := Field{Name: t.name(c), Index: c, Kind: KindNumber}
	known, numbers := 0, 0
	for _, row := range t.rows {
		if !missing(row[c]) {
			known++
			if _, ok := number(row[c]); ok {
				numbers++
			}
		}
	}
	if known == 0 {
		return f, bad(t.file, "column %q has no values", f.Name)
	}
	if categorical || 2*numbers < known {
		f.Kind = KindCategory
		f.Categories = t.categories(c)
	}
	if o.Missing == "impute" {
		f.Fill = t.fill(c, f.Kind, training)
	}
	return f, nil
}

// fitTarget decides between classes and numbers. Whole numbers are classes when
// they are 0 to K-1 without a gap, so that a class's index is its number.
func (t *rawTable) fitTarget(c int, o *Options) (*Field, error) {
	f := &Field{Name: t.name(c), Index: c, Kind: KindNumber}
	names := t.categories(c)
	text, counted := false, len(names) <= maxClasses
	for i, n := range names {
		v, ok := number(n)
		text = text || !ok
		counted = counted && v == float64(i)
	}
	if len(names) == 0 {
		return nil, bad(t.file, "target column %q has no values", f.Name)
	}
	if o.TargetKind == KindClass || o.TargetKind == "" && (text || counted) {
		f.Kind, f.Categories = KindClass, names
		if len(names) < 2 {
			return nil, bad(t.file, "target column %q has one class only, %q", f.Name, names[0])
		}
	}
	return f, nil
}

// categories returns the different known values of a column: numbers by size,
// then texts.
func (t *rawTable) categories(c int) []string {
	seen := map[string]bool{}
	var names []string
	for _, row := range t.rows {
		if v := row[c]; !missing(v) && !seen[v] {
			seen[v] = true
			names = append(names, v)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		x, isX := number(a)
		y, isY := number(b)
		switch {
		case isX && isY && x != y:
			return cmp.Compare(x, y)
		case isX != isY && isX:
			return -1
		case isX != isY:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// fill returns what stands for missing values: the mean of the training rows,
// or their most frequent category, the first of equals.
func (t *rawTable) fill(c int, kind string, training []int) string {
	count, best := map[string]int{}, ""
	sum, n := 0.0, 0
	for _, i := range training {
		v := t.rows[i][c]
		if x, ok := number(v); ok {
			sum += x
			n++
		}
		if !missing(v) {
			count[v]++
		}
	}
	if kind == KindNumber {
		if n == 0 {
			return ""
		}
		return strconv.FormatFloat(sum/float64(n), 'g', -1, 64)
	}
	for _, name := range t.categories(c) {
		if best == "" || count[name] > count[best] {
			best = name
		}
	}
	return best
}

// value returns a field's text in a row, with missing values filled.
func (t *rawTable) value(f *Field, row int) (string, error) {
	v := t.rows[row][f.Index]
	if !missing(v) {
		return v, nil
	}
	if f.Fill == "" {
		return "", bad(t.file, "line %d, column %q: the value is missing (%q); the option missing drops such rows (drop) or fills them (impute)", t.lines[row], f.Name, v)
	}
	return f.Fill, nil
}

// number returns the number of a field in a row.
func (t *rawTable) number(f *Field, row int) (float64, error) {
	s, err := t.value(f, row)
	if err != nil {
		return 0, err
	}
	x, ok := number(s)
	if !ok {
		return 0, bad(t.file, "line %d, column %q: %q is not a finite number, as other rows have", t.lines[row], f.Name, s)
	}
	return x, nil
}

// category returns the code of a field's category in a row.
func (t *rawTable) category(f *Field, row int) (int, error) {
	s, err := t.value(f, row)
	if err != nil {
		return 0, err
	}
	k := slices.Index(f.Categories, s)
	if k < 0 {
		what := "category"
		if f.Kind == KindClass {
			what = "label"
		}
		known := f.Categories[:min(10, len(f.Categories))]
		return 0, bad(t.file, "line %d, column %q: %s %q is unknown; known are %s", t.lines[row], f.Name, what, s, quoted(known))
	}
	return k, nil
}

// set converts rows into a set of the plan's columns; without target if the
// plan has none or the rows lack it.
func (t *rawTable) set(plan *Table, rows []int, target bool) (*Set, error) {
	if plan.DropRows {
		rows = t.complete(plan, rows, target)
	}
	samples := rows // the row that holds a sample's target
	if plan.Window > 0 {
		first := plan.Window - 1
		if target {
			first += plan.Horizon
		}
		if len(rows) <= first {
			return nil, bad(t.file, "a part of %d rows is too short for windows of %d rows with their targets", len(rows), plan.Window)
		}
		samples = rows[first:]
	}
	var columns []Column
	var values []any
	if plan.Text != nil {
		texts := make([]string, len(rows))
		for i, r := range rows {
			texts[i] = t.rows[r][plan.Text.Index]
		}
		columns, values = plan.Text.columns(texts)
	}
	for i := range plan.Inputs {
		in := &plan.Inputs[i]
		v, err := t.floats(in.Fields, rows)
		if err != nil {
			return nil, err
		}
		width := 0
		for j := range in.Fields {
			width += in.Fields[j].width()
		}
		shape := []int{width}
		if plan.Window > 0 {
			shape, v = []int{plan.Window, width}, windows(v, plan.Window*width, width, len(samples))
		}
		columns = append(columns, Column{Name: in.Name, DType: mlrt.Float64, Shape: shape})
		values = append(values, v)
	}
	if target && plan.Target != nil {
		c, v, err := t.targets(plan.Target, samples)
		if err != nil {
			return nil, err
		}
		columns, values = append(columns, c), append(values, v)
	}
	return NewSet(t.file, columns, values)
}

// windows returns n overlapping parts of size values, each step behind the last.
func windows(v []float64, size, step, n int) []float64 {
	all := make([]float64, 0, n*size)
	for i := range n {
		all = append(all, v[i*step:i*step+size]...)
	}
	return all
}

// floats converts the fields of the rows: numbers, and one-hot vectors.
func (t *rawTable) floats(fields []Field, rows []int) ([]float64, error) {
	v := []float64{}
	for _, r := range rows {
		for j := range fields {
			f := &fields[j]
			if f.Kind == KindNumber {
				x, err := t.number(f, r)
				if err != nil {
					return nil, err
				}
				v = append(v, x)
				continue
			}
			k, err := t.category(f, r)
			if err != nil {
				return nil, err
			}
			at := len(v) + k
			v = append(v, make([]float64, len(f.Categories))...)
			v[at] = 1
		}
	}
	return v, nil
}

func (t *rawTable) targets(f *Field, rows []int) (Column, any, error) {
	if f.Kind == KindNumber {
		v, err := t.floats([]Field{*f}, rows)
		return Column{Name: TargetColumn, DType: mlrt.Float64}, v, err
	}
	v := make([]int32, len(rows))
	for i, r := range rows {
		k, err := t.category(f, r)
		if err != nil {
			return Column{}, nil, err
		}
		v[i] = int32(k)
	}
	return Column{Name: TargetColumn, DType: mlrt.Int32, Classes: len(f.Categories), ClassNames: f.Categories}, v, nil
}

// complete returns the rows that have a value in every field.
func (t *rawTable) complete(plan *Table, rows []int, target bool) []int {
	var kept []int
	for _, r := range rows {
		ok := !target || plan.Target == nil || !missing(t.rows[r][plan.Target.Index])
		for _, in := range plan.Inputs {
			for _, f := range in.Fields {
				ok = ok && !missing(t.rows[r][f.Index])
			}
		}
		if ok {
			kept = append(kept, r)
		}
	}
	return kept
}

// split divides the rows by a hash of their text: a row stays on its side when
// others come or go, and equal rows are on one side. The test rows of a series
// are its last ones.
func (t *rawTable) split(share float64, seed uint64, series bool) (training, tests []int) {
	rows := t.all()
	if series {
		cut := len(rows) - int(share*float64(len(rows)))
		return rows[:cut], rows[cut:]
	}
	for i, row := range t.rows {
		if inTests([]byte(strings.Join(row, "\x1f")), share, seed) {
			tests = append(tests, i)
		} else {
			training = append(training, i)
		}
	}
	return training, tests
}

// oneHot reports which floats of an input are parts of one-hot vectors.
func (in *TableInput) oneHot() []bool {
	var list []bool
	for i := range in.Fields {
		for range in.Fields[i].width() {
			list = append(list, in.Fields[i].Kind == KindCategory)
		}
	}
	return list
}
