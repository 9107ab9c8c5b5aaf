package data

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Options say how files become sets. The zero value is good for images; tables
// may need a target.
type Options struct {
	// Scale is the preprocessing of float inputs: "none"; "255", bytes divided by
	// 255; "standardise", mean 0 and variance 1 per pixel or field over the
	// training data (bytes divided by 255 first); "channels", the same per colour
	// channel of images, not of tables. "" is "255" for bytes and
	// "standardise" for tables. One-hot vectors and targets stay as they are.
	Scale string

	// Of tables. Columns are named as in the header, or by number: from 1, or
	// from the end by -1 and so on.

	Target      string   // "": the last column
	TargetKind  string   // KindClass, KindNumber, or "": by the values
	Drop        []string // columns not used
	Categorical []string // columns whose numbers are codes
	Inputs      []Group  // the set's columns; none: one, FeatureColumn, of all fields
	Header      string   // "yes", "no", or "": by the look of the first line
	Separator   string   // one character, or "": by the first line
	Missing     string   // "refuse", "impute" (mean, or most frequent category), "drop" (the row); "" refuses
	TestShare   float64  // of the rows, chosen by a hash of each; below 1; 0: no test set
	SplitSeed   uint64   // another seed gives another split
	TestFile    string   // a table with the test rows; TestShare must be 0

	// Of text and series.

	Text       string // a table's column of text, which becomes tokens
	Vocabulary int    // most words that are told apart; 0: 10,000
	Context    int    // tokens of a sample; 0: 64
	Window     int    // above 0: a table is a series, samples are so many rows of it
	Horizon    int    // of a series: the target is so many rows ahead; 0: 1

	// Of folders sorted by class.

	Shape []int // of images: channels, height, width; nil: that of the first image
	Mels  int   // bands of recordings' frames; 0: 40
}

// Group names a column of the set and the fields that it is made of.
type Group struct {
	Name   string
	Fields []string
}

// Source is what a path held: sets with their preprocessing in place. Train or
// Tests is nil where there is none.
type Source struct {
	Train, Tests *Set
	Transform    *Transform
}

// Open reads a data set: a folder with the files of MNIST (any set in that form,
// gzipped or not) or of CIFAR-10; a folder of images or of WAV files, sorted by
// class; a text file, which ends in .txt; sentences with tags, .conllu; a safetensors file whose tensors
// are columns; or a CSV file. Files may be gzipped.
func Open(path string, o Options) (*Source, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !st.IsDir() && isTagged(path):
		return openTagged(path, &o)
	case !st.IsDir() && isText(path):
		return openText(path, &o)
	case !st.IsDir() && isTensors(path):
		return openTensors(path, &o)
	case !st.IsDir():
		return openTable(path, &o)
	}
	if src, err := openClasses(path, &o); src != nil || err != nil {
		return src, err
	}
	training, tests, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	example := training
	if example == nil {
		example = tests
	}
	t := &Transform{Shape: example.columns[0].Shape, Classes: example.columns[1].ClassNames}
	if t.Scalings, err = imageScalings(path, training, o.Scale); err != nil {
		return nil, err
	}
	return t.source(training, tests)
}

// isText reports whether a file is running text by its name.
func isText(path string) bool { return strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".txt") }

// imageScalings returns the preprocessing of images by the training images.
func imageScalings(path string, training *Set, scale string) ([]Scaling, error) {
	switch {
	case scale == "" || scale == "255":
		return []Scaling{{Column: ImageColumn, Divide: 255}}, nil
	case scale == "none":
		return nil, nil
	case training == nil:
		return nil, bad(path, "no training images to standardise by")
	}
	p, err := training.StandardiseChannels(ImageColumn, 255)
	if scale == "standardise" {
		p, err = training.Standardise(ImageColumn, 255, nil)
	}
	return []Scaling{p}, err
}

// source puts the preprocessing in place.
func (t *Transform) source(training, tests *Set) (*Source, error) {
	sets := [2]*Set{training, tests}
	for i, s := range sets {
		if s == nil {
			continue
		}
		if t.Shape != nil && !slices.Equal(s.columns[0].Shape, t.Shape) {
			return nil, bad(s.name, "images are %v, the model was trained on %v", s.columns[0].Shape, t.Shape)
		}
		var err error
		if sets[i], err = t.Apply(s); err != nil {
			return nil, err
		}
	}
	return &Source{Train: sets[0], Tests: sets[1], Transform: t}, nil
}

func (o *Options) validate() error {
	for _, c := range []struct {
		name, have string
		allowed    []string
	}{
		{"scale", o.Scale, []string{"none", "255", "standardise", "channels"}},
		{"target kind", o.TargetKind, []string{KindClass, KindNumber}},
		{"header", o.Header, []string{"yes", "no"}},
		{"missing", o.Missing, []string{"refuse", "impute", "drop"}},
	} {
		if c.have != "" && !slices.Contains(c.allowed, c.have) {
			return fmt.Errorf("%w: %s is %q, expected %s", ErrData, c.name, c.have, strings.Join(c.allowed, ", "))
		}
	}
	switch {
	case utf8.RuneCountInString(o.Separator) > 1:
		return fmt.Errorf("%w: separator %q is more than one character", ErrData, o.Separator)
	case !(o.TestShare >= 0 && o.TestShare < 1):
		return fmt.Errorf("%w: test share %v is not between 0 and 1", ErrData, o.TestShare)
	case o.Context < 0 || o.Vocabulary < 0 || o.Window < 0 || o.Horizon < 0 || o.Mels < 0:
		return fmt.Errorf("%w: context, vocabulary, window, horizon and mels must not be negative", ErrData)
	case o.Vocabulary > 0 && o.Vocabulary <= firstWord:
		return fmt.Errorf("%w: a vocabulary of %d holds no word", ErrData, o.Vocabulary)
	case o.Horizon > 0 && o.Window == 0:
		return fmt.Errorf("%w: a horizon needs a window", ErrData)
	case o.TestFile != "" && o.TestShare != 0:
		return fmt.Errorf("%w: both a test file and a test share", ErrData)
	}
	return nil
}

func readTableFile(path, separator, header string) (*rawTable, rune, error) {
	r, err := openFile(path)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	comma, _ := utf8.DecodeRuneInString(separator)
	if separator == "" {
		comma = 0
	}
	return readTable(r, path, comma, header)
}

func openTable(path string, o *Options) (*Source, error) {
	raw, comma, err := readTableFile(path, o.Separator, o.Header)
	if err != nil {
		return nil, err
	}
	if raw.header == nil && o.Header == "" && raw.names(o) {
		if raw, comma, err = raw.finish(comma, "yes"); err != nil {
			return nil, err
		}
	}
	trainRows, testRows := raw.split(o.TestShare, o.SplitSeed, o.Window > 0)
	if len(trainRows) == 0 {
		return nil, bad(path, "all %d rows fall into the test set", len(raw.rows))
	}
	plan, err := fit(raw, o, trainRows)
	if err != nil {
		return nil, err
	}
	plan.Separator = string(comma)
	t := &Transform{Table: plan}
	if plan.Target.Kind == KindClass {
		t.Classes = plan.Target.Categories
	}
	training, err := raw.set(plan, trainRows, true)
	if err != nil {
		return nil, err
	}
	if training.Len() == 0 {
		return nil, bad(path, "every row has a missing value")
	}
	if o.Scale == "channels" {
		return nil, bad(path, "a table has no channels to standardise by; use standardise")
	}
	if o.Scale == "" || o.Scale == "standardise" {
		for i := range plan.Inputs {
			hot := plan.Inputs[i].oneHot()
			p, err := training.Standardise(plan.Inputs[i].Name, 0, func(j int) bool { return hot[j%len(hot)] })
			if err != nil {
				return nil, err
			}
			t.Scalings = append(t.Scalings, p)
		}
	}
	tests, err := t.testSet(raw, testRows, o.TestFile)
	if err != nil {
		return nil, err
	}
	return t.source(training, tests)
}

// names reports whether the first row has a name that the options use, and so is
// a header.
func (t *rawTable) names(o *Options) bool {
	used := append([]string{o.Target, o.Text}, append(o.Drop, o.Categorical...)...)
	for _, g := range o.Inputs {
		used = append(used, g.Fields...)
	}
	return slices.ContainsFunc(used, func(name string) bool {
		_, err := strconv.Atoi(name)
		return name != "" && err != nil && slices.Contains(t.rows[0], name)
	})
}

// testSet returns the test rows of a table, or those of a file of their own.
func (t *Transform) testSet(raw *rawTable, rows []int, file string) (*Set, error) {
	if file != "" {
		return t.tableSet(file)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return raw.set(t.Table, rows, true)
}

// tableSet reads all rows of a file in the form of the training data.
func (t *Transform) tableSet(path string) (*Set, error) {
	raw, err := t.readLike(path)
	if err != nil {
		return nil, err
	}
	return raw.set(t.Table, raw.all(), true)
}

// readLike reads a table that must look like the training data.
func (t *Transform) readLike(path string) (*rawTable, error) {
	header := "no"
	if t.Table.Header {
		header = "yes"
	}
	raw, _, err := readTableFile(path, t.Table.Separator, header)
	if err != nil {
		return nil, err
	}
	if n := len(raw.rows[0]); n != t.Table.Width {
		return nil, bad(path, "%d fields a row, the training data had %d", n, t.Table.Width)
	}
	return raw, nil
}

func (t *rawTable) all() []int {
	rows := make([]int, len(t.rows))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// Open reads a data set for evaluation, as the training data was read. The rows
// of a table are split as then, so that its test rows are those that training
// has not seen; another file, without a split, is all test rows.
func (t *Transform) Open(path string, whole bool) (*Source, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case st.IsDir() != (t.Table == nil && t.Text == nil && !t.Tensors), isTensors(path) != t.Tensors:
		return nil, bad(path, "the model was trained on %s", t.kind())
	case t.Tags != nil:
		return t.openTagged(path, whole)
	case t.Text != nil:
		return t.openText(path, whole)
	case t.Tensors:
		return t.openTensors(path, whole)
	case st.IsDir():
		return t.openFolder(path, whole)
	case whole || t.Table.TestShare == 0:
		tests, err := t.tableSet(path)
		if err != nil {
			return nil, err
		}
		return t.source(nil, tests)
	}
	raw, err := t.readLike(path)
	if err != nil {
		return nil, err
	}
	trainRows, testRows := raw.split(t.Table.TestShare, t.Table.SplitSeed, t.Table.Window > 0)
	training, err := raw.set(t.Table, trainRows, true)
	if err != nil {
		return nil, err
	}
	tests, err := raw.set(t.Table, testRows, true)
	if err != nil {
		return nil, err
	}
	return t.source(training, tests)
}

// openText reads running text with the vocabulary of the training text.
func (t *Transform) openText(path string, whole bool) (*Source, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	if whole || t.TestShare == 0 {
		tests, _, err := t.Text.halves(path, text, 0)
		if err != nil {
			return nil, err
		}
		return t.source(nil, tests)
	}
	training, tests, err := t.Text.halves(path, text, t.TestShare)
	if err != nil {
		return nil, err
	}
	return t.source(training, tests)
}

// openFolder reads images or recordings of the training data's classes.
func (t *Transform) openFolder(path string, whole bool) (*Source, error) {
	share := t.TestShare
	if whole {
		share = 0
	}
	training, tests, classes, err := classHalves(path, share, t.SplitSeed)
	if err != nil {
		return nil, err
	}
	if len(training)+len(tests) == 0 {
		training, tests, err := openFolder(path)
		if err != nil {
			return nil, err
		}
		return t.source(training, tests)
	}
	for _, half := range [][]classFile{training, tests} {
		for i := range half {
			k := slices.Index(t.Classes, classes[half[i].class])
			if k < 0 {
				return nil, bad(half[i].path, "the class %q is unknown; known are %s", classes[half[i].class], quoted(t.Classes))
			}
			half[i].class = int32(k)
		}
	}
	return t.classSource(path, training, tests, "none")
}

func (t *Transform) kind() string {
	switch {
	case t.Table != nil:
		return "a table"
	case t.Tags != nil:
		return "tagged sentences"
	case t.Text != nil:
		return "a text"
	case t.Audio != nil:
		return "recordings"
	case t.Tensors:
		return "a file of tensors"
	}
	return "images"
}

// Rows reads rows of a table for prediction: in the file's form, with the target
// or (in a table whose target is the last column) without.
func (t *Transform) Rows(r io.Reader, name string) (*Set, error) {
	if t.Table == nil {
		return nil, bad(name, "the model was trained on %s, not on a table", t.kind())
	}
	comma, _ := utf8.DecodeRuneInString(t.Table.Separator)
	raw, _, err := readTable(r, name, comma, "no")
	if err != nil {
		return nil, err
	}
	if t.Table.Header && raw.isHeader(t.Table) {
		raw.rows, raw.lines = raw.rows[1:], raw.lines[1:]
	}
	want := strconv.Itoa(t.Table.Width)
	if t.Table.Target != nil {
		want += " or " + strconv.Itoa(t.Table.Width-1)
	}
	switch n := len(raw.rows0()); {
	case t.Table.Target != nil && t.Table.Window == 0 && n == t.Table.Width-1:
		for i, row := range raw.rows {
			raw.rows[i] = slices.Insert(slices.Clone(row), t.Table.Target.Index, "")
		}
	case n != t.Table.Width:
		return nil, bad(name, "%d fields a row, expected %s", n, want)
	}
	plan := *t.Table
	plan.DropRows = false // each row wants an answer
	set, err := raw.set(&plan, raw.all(), false)
	if err != nil {
		return nil, err
	}
	return t.Apply(set)
}

// isHeader reports whether the first row repeats the training data's names.
func (t *rawTable) isHeader(plan *Table) bool {
	fits := func(name string, i int) bool { return i < len(t.rows[0]) && t.rows[0][i] == name }
	for _, in := range plan.Inputs {
		for _, f := range in.Fields {
			if !fits(f.Name, f.Index) {
				return false
			}
		}
	}
	return plan.Text == nil || fits(plan.Text.Name, plan.Text.Index)
}

// rows0 returns the first row, nil if there is none.
func (t *rawTable) rows0() []string {
	if len(t.rows) == 0 {
		return nil
	}
	return t.rows[0]
}

// Images makes a set of raw images for prediction: bytes, one image after
// another, in the shape of the training images.
func (t *Transform) Images(name string, pixels []uint8) (*Set, error) {
	if t.Table != nil || t.Text != nil || t.Audio != nil {
		return nil, bad(name, "the model was trained on %s, not on images", t.kind())
	}
	return imagesOnly(name, t, pixels)
}
