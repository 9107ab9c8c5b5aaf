package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/cmd/mlc/internal/runner"
	"github.com/mlc-go/mlc/data"
	"github.com/mlc-go/mlc/internal/glyphs"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// builtinGlyphs is the name of the built-in set for --data.
const builtinGlyphs = "glyphs"

// glyphColumns are the columns of the built-in set.
var glyphColumns = []train.Column{
	{Name: data.ImageColumn, DType: mlrt.Uint8, Shape: []int{28, 28}},
	{Name: data.LabelColumn, DType: mlrt.Uint8, Classes: 10},
}

// dataFlags say where samples come from and how they are read.
type dataFlags struct {
	path      string
	whole     bool
	inputs    []string
	testShare float64
	options   data.Options
}

// defaultTestShare of a table's rows are its test set.
const defaultTestShare = 0.2

func (f *dataFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.path, "data", "", "a folder with MNIST's or CIFAR-10's files, a folder of PNG, JPEG or WAV files for each class, a .txt or .conllu file, a CSV or TSV file, a safetensors file with a tensor for each input, or glyphs, the built-in set")
	f.registerReading(c)
	fl.StringVar(&f.options.TestFile, "test", "", "a CSV file with the test rows")
	fl.Float64Var(&f.testShare, "test-share", defaultTestShare, "part of a table's rows or of a folder's files that is the test set, chosen by a hash of each; of text and series the last part")
	fl.Uint64Var(&f.options.SplitSeed, "split-seed", 0, "another seed chooses other test rows")
}

// registerReading adds the flags that say how files are read.
func (f *dataFlags) registerReading(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.options.Scale, "scale", "", "none, 255 (bytes divided by 255), standardise (per pixel or field) or channels (per channel of images); default 255 for images, standardise for tables")
	fl.StringVar(&f.options.Target, "target-column", "", "target column of a table, by name or number (default: the last)")
	fl.StringVar(&f.options.TargetKind, "target-kind", "", "class or number (default: by the values)")
	fl.StringSliceVar(&f.options.Drop, "drop", nil, "columns of a table that are not used")
	fl.StringSliceVar(&f.options.Categorical, "categorical", nil, "columns of a table whose numbers are codes")
	fl.StringArrayVar(&f.inputs, "columns", nil, "`input=column,column`: columns of a table that feed an input; repeat for each input")
	fl.StringVar(&f.options.Header, "header", "", "yes or no: whether a table has a header (default: by the look of it)")
	fl.StringVar(&f.options.Separator, "separator", "", "separator of a table (default: by the look of it)")
	fl.StringVar(&f.options.Text, "text", "", "column of a table that holds text: words become the inputs tokens and lengths")
	fl.IntVar(&f.options.Vocabulary, "vocab", 0, "words of a column of text that are told apart (default 10000)")
	fl.IntVar(&f.options.Context, "context", 0, "tokens of a sample of text (default 64)")
	fl.IntVar(&f.options.Window, "window", 0, "read a table as a series: so many rows are a sample, the target stands behind them")
	fl.IntVar(&f.options.Horizon, "horizon", 0, "how many rows behind a window its target stands (default 1)")
	fl.IntVar(&f.options.Mels, "mels", 0, "bands of the spectrum of recordings (default 40, or what the model's input frames asks for)")
	fl.StringVar(&f.options.Missing, "missing", "", "missing values of a table: refuse, impute or drop (default refuse)")
}

// resolve turns the flags into what the model's program reads for its inputs; the
// built-in set becomes files in the cache.
func (f *dataFlags) resolve(inputs []mlrt.Field) (train.DataSpec, error) {
	spec := train.DataSpec{Path: f.path, Options: f.options, Whole: f.whole}
	if shape, ok := imageShape(inputs); ok {
		spec.Options.Shape = shape
	}
	for _, in := range inputs {
		if n := len(in.Shape); in.Name == data.FrameColumn && n == 3 && in.Shape[n-1].Name == "" && spec.Options.Mels == 0 {
			spec.Options.Mels = in.Shape[n-1].Size
		}
	}
	for _, g := range f.inputs {
		name, columns, ok := strings.Cut(g, "=")
		if !ok {
			return spec, usage("--columns takes input=column,column, not %q", g)
		}
		spec.Options.Inputs = append(spec.Options.Inputs, data.Group{Name: name, Fields: strings.Split(columns, ",")})
	}
	if spec.Options.TestFile == "" {
		spec.Options.TestShare = f.testShare
	}
	if _, err := os.Stat(f.path); f.path == builtinGlyphs && err != nil {
		dir, err := glyphFolder()
		if err != nil {
			return spec, failure(err)
		}
		spec.Path, spec.Name = dir, builtinGlyphs
	}
	return spec, nil
}

// glyphFolder returns the folder in the cache that holds the built-in set,
// drawing it when it is missing.
func glyphFolder() (string, error) {
	cache, err := runner.CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, builtinGlyphs+"-"+glyphs.Version)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, builtinGlyphs+"-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	for _, f := range glyphs.Files() {
		if err := os.WriteFile(filepath.Join(work, f.Name), f.Content, 0o666); err != nil {
			return "", err
		}
	}
	err = os.Rename(work, dir)
	if _, e := os.Stat(dir); e == nil {
		return dir, nil // another run may have been faster
	}
	return dir, err
}
