package train

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/mlc-go/mlc/data"
)

// DataSpec says which files hold the samples and how to read them.
type DataSpec struct {
	Path    string       `json:"path,omitempty"`
	Name    string       `json:"name,omitempty"` // of a built-in set that Path holds
	Options data.Options `json:"options"`
	Whole   bool         `json:"whole,omitempty"` // evaluate on all rows of a table, not on its test rows
}

// Keys of the metadata that says how samples were made.
const (
	keyData     = "mlc.data"      // a data.Transform as JSON
	keyDataName = "mlc.data_name" // base name of the file or folder, or of the built-in set
)

// sets are the samples of a job; each may be nil.
type sets struct {
	training, tests Data
	transform       *data.Transform
	name            string
}

func newSets(src *data.Source, spec DataSpec) *sets {
	s := &sets{transform: src.Transform, name: spec.baseName()}
	if src.Train != nil { // a nil *data.Set must not become a Data that is not nil
		s.training = src.Train
	}
	if src.Tests != nil {
		s.tests = src.Tests
	}
	return s
}

func (d DataSpec) baseName() string {
	if d.Name != "" {
		return d.Name
	}
	return filepath.Base(d.Path)
}

// openTraining reads the samples of a training job.
func openTraining(spec DataSpec) (*sets, error) {
	src, err := data.Open(spec.Path, spec.Options)
	if err != nil {
		return nil, err
	}
	if src.Train == nil {
		return nil, fmt.Errorf("%w: %s holds no training samples", ErrMismatch, spec.Path)
	}
	return newSets(src, spec), nil
}

// openTests reads the samples of an evaluation as the training data of the
// weights was read: the test samples where there are any, else all.
func openTests(spec DataSpec, w *Weights) (set Data, classes []string, err error) {
	t, err := w.Transform()
	if err != nil {
		return nil, nil, err
	}
	var src *data.Source
	if t == nil {
		spec.Options.TestShare = 0 // nobody trained on the rest
		src, err = data.Open(spec.Path, spec.Options)
	} else {
		src, err = t.Open(spec.Path, spec.Whole || w.Metadata(keyDataName) != spec.baseName())
	}
	if err != nil {
		return nil, nil, err
	}
	s := newSets(src, spec)
	if s.tests == nil || s.tests.Len() == 0 {
		s.tests = s.training
	}
	if s.tests == nil {
		return nil, nil, fmt.Errorf("%w: %s holds no samples", ErrMismatch, spec.Path)
	}
	return s.tests, s.transform.Classes, nil
}

// metadata is what a checkpoint keeps about its data.
func (s *sets) metadata() (map[string]string, error) {
	text, err := s.transform.JSON()
	return map[string]string{keyData: string(text), keyDataName: s.name}, err
}

// Transform returns how the training data was read and preprocessed, which the file
// records; nil if it does not. A program that feeds the model itself needs it.
func (w *Weights) Transform() (*data.Transform, error) {
	text := w.Metadata(keyData)
	if text == "" {
		return nil, nil
	}
	t, err := data.ParseTransform([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Name, err)
	}
	return t, nil
}

// openAsked makes a set of the samples that a prediction is asked for.
func openAsked(job Job, w *Weights, t *data.Transform) (Data, []string, error) {
	if job.Count > 0 {
		return drawn(job.Count), nil, nil
	}
	if len(job.Recordings) > 0 {
		if t == nil {
			return nil, nil, fmt.Errorf("%w: %s does not say how the training data was read, so recordings have no meaning", ErrMismatch, w.Name)
		}
		set, err := t.Recordings(job.Recordings)
		return set, t.Classes, err
	}
	if t != nil && t.Tensors {
		return nil, nil, fmt.Errorf("%w: %s was trained on a file of tensors, which images and rows are not; ask from Go", ErrMismatch, w.Name)
	}
	if len(job.Images) > 0 {
		if t == nil {
			t = &data.Transform{Shape: job.Images[0].Shape, Scalings: []data.Scaling{{Column: data.ImageColumn, Divide: 255}}}
		}
		var pixels []byte
		for _, img := range job.Images {
			if want := elements(t.Shape); len(img.Pixels) != want && t.Table == nil {
				return nil, nil, fmt.Errorf("%w: %s has %d values, the training images %d", ErrMismatch, img.Name, len(img.Pixels), want)
			}
			pixels = append(pixels, img.Pixels...)
		}
		set, err := t.Images("images", pixels)
		return set, t.Classes, err
	}
	if t == nil {
		return nil, nil, fmt.Errorf("%w: %s does not say how the training data was read, so rows have no meaning", ErrMismatch, w.Name)
	}
	if t.Table == nil && t.Audio == nil {
		pixels, err := pixelRows(job.Rows, elements(t.Shape))
		if err != nil {
			return nil, nil, err
		}
		set, err := t.Images("rows", pixels)
		return set, t.Classes, err
	}
	set, err := t.Rows(bytes.NewReader(job.Rows), "rows")
	return set, t.Classes, err
}

// pixelRows reads rows of bytes: images as comma-separated pixels.
func pixelRows(text []byte, size int) ([]byte, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace = size, true
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%w: rows of %d pixels: %w", data.ErrData, size, err)
	}
	var pixels []byte
	for i, row := range rows {
		for _, field := range row {
			v, err := strconv.ParseUint(field, 10, 8)
			if err != nil {
				return nil, fmt.Errorf("%w: row %d: %q is no pixel from 0 to 255", data.ErrData, i+1, field)
			}
			pixels = append(pixels, byte(v))
		}
	}
	return pixels, nil
}

// dataCode is the diagnostic's code of an error about data, "" for others.
func dataCode(err error) string {
	if errors.Is(err, data.ErrData) {
		return "ML0603"
	}
	return ""
}

// drawn is a set of samples that hold nothing: all inputs are drawn.
type drawn int

func (d drawn) Len() int { return int(d) }

func (drawn) Columns() []Column { return nil }

func (drawn) Read(c int, _ []int, _ any) error {
	return fmt.Errorf("%w: no column %d in drawn samples", ErrMismatch, c)
}
