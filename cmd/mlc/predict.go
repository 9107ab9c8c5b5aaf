package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// predictFlags are the flags of `mlc predict`.
type predictFlags struct {
	model   modelFlags
	weights weightFlags
	entry   string
	row     string
	invert  bool

	length      int
	temperature float64
	seed        uint64

	draws  []string
	count  int
	images string // folder
}

func newPredict(a *app) *cobra.Command {
	var f predictFlags
	c := &cobra.Command{
		Use:   "predict FILE [IMAGE…|SOUND.wav…|ROWS.csv|-]",
		Short: "Ask a trained model about images, recordings or rows, or have it go on with a text",
		Long: `Predict prints one JSON object a sample: the outputs, and the class with its
probability when the checkpoint knows classes. Samples are PNG or JPEG images,
WAV files, or CSV rows in files, on standard input (-) or given by --row, laid
out as the training data with or without the target. A model that was trained
on running text goes on with each line. A generator's noise is drawn: --draw z
--count 8, and --images DIR writes its images.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error { return a.predict(c.Context(), args, f) }
	f.model.register(c, "json")
	f.weights.register(c, "safetensors file or run folder (default runs/MODEL)")
	c.Flags().StringVar(&f.entry, "entry", "", "the entry to call (default: the first)")
	c.Flags().StringVar(&f.row, "row", "", "one CSV row")
	c.Flags().IntVar(&f.length, "length", 200, "characters to go on with a text by")
	c.Flags().Float64Var(&f.temperature, "temperature", 0.8, "how freely characters are drawn; 0 takes the likeliest")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the draws")
	c.Flags().StringSliceVar(&f.draws, "draw", nil, "`inputs` that get standard normal noise")
	c.Flags().IntVar(&f.count, "count", 1, "samples when all inputs are drawn")
	c.Flags().StringVar(&f.images, "images", "", "folder for the outputs that are images, as PNG files")
	c.Flags().BoolVar(&f.invert, "invert", false, "dark on light images: turn them into light on dark")
	return c
}

func (a *app) predict(ctx context.Context, args []string, f predictFlags) error {
	m, err := a.model(args[:1], f.model)
	if err != nil {
		return err
	}
	if f.length < 0 || f.temperature < 0 || f.count < 1 {
		return usage("--length and --temperature must not be negative, --count must be at least 1")
	}
	job := train.Job{Do: "predict", Entry: f.entry, Length: f.length, Temperature: f.temperature, Seed: f.seed, Draws: f.draws}
	if err := f.weights.apply(&job); err != nil {
		return err
	}
	if job.Weights == "" {
		job.Weights = runFolder(m)
	}
	entry := -1
	for i, e := range m.info.Entries {
		if e.Name == f.entry || f.entry == "" && i == 0 {
			entry = i
		}
	}
	if entry < 0 {
		return usage("model %s has no entry %q, it has: %s", m.info.Name, f.entry, strings.Join(entryNames(m), ", "))
	}
	job.Binary = m.probability(m.info.Entries[entry].Name)
	if err := a.samples(&job, args[1:], f, m.info.Entries[entry].Inputs); err != nil {
		return err
	}
	var pictures []outFile
	err = a.runModel(ctx, m, f.model, job, func(e train.Event) {
		p, ok := e.(train.Predicted)
		if ok && f.model.format == "text" {
			fmt.Fprintln(a.stdout, predictedLine(p))
		}
		if ok && f.images != "" {
			pictures = append(pictures, outputPictures(f.images, p, m.info.Entries[entry].Outputs)...)
		}
	})
	if err != nil || f.images == "" {
		return err
	}
	if len(pictures) == 0 {
		return usage("no output of %s is an image", m.info.Entries[entry].Name)
	}
	written, err := writeAll(ctx, pictures)
	a.remark("%s written to %s", plural(len(written), "image"), f.images)
	return err
}

func entryNames(m *model) (names []string) {
	for _, e := range m.info.Entries {
		names = append(names, e.Name)
	}
	return names
}

// predictedLine is a prediction for people.
func predictedLine(e train.Predicted) string {
	switch {
	case e.Class != nil:
		return fmt.Sprintf("%d  %s  %.4f", e.Sample, e.Label, float64(*e.Probability))
	case e.Text != "":
		return e.Text
	}
	line := fmt.Sprint(e.Sample)
	for _, name := range slices.Sorted(maps.Keys(e.Outputs)) {
		line += "  " + name
		for _, v := range e.Outputs[name] {
			line += " " + strconv.FormatFloat(float64(v), 'g', 6, 64)
		}
	}
	return line
}

// samples reads what the arguments name into the job: images or rows, not both.
func (a *app) samples(job *train.Job, args []string, f predictFlags, inputs []mlrt.Field) error {
	var rows bytes.Buffer
	if f.row != "" {
		fmt.Fprintln(&rows, f.row)
	}
	for _, arg := range args {
		if arg == "-" {
			if _, err := io.Copy(&rows, a.stdin); err != nil {
				return failure(err)
			}
			continue
		}
		text, err := os.ReadFile(arg)
		if err != nil {
			return readError(err)
		}
		switch {
		case bytes.HasPrefix(text, []byte("RIFF")):
			job.Recordings = append(job.Recordings, arg)
			continue
		case !data.IsImage(text):
			rows.Write(text)
			continue
		}
		shape, ok := imageShape(inputs)
		if !ok {
			return usage("%s is an image, but the model's inputs are no image: %s", arg, needs(inputs))
		}
		img, err := data.DecodeImage(text, shape, f.invert)
		if err != nil {
			return &exitError{exitFindings, fmt.Errorf("%s: %w", arg, err)}
		}
		job.Images = append(job.Images, train.Image{Name: filepath.Base(arg), Shape: shape, Pixels: img})
	}
	job.Rows = rows.Bytes()
	kinds := 0
	for _, has := range []bool{strings.TrimSpace(rows.String()) != "", len(job.Images) > 0, len(job.Recordings) > 0} {
		if has {
			kinds++
		}
	}
	rest := train.Feeds{Draws: f.draws}.Rest(inputs)
	if kinds == 0 && len(f.draws) > 0 && len(rest) == 0 {
		job.Count = f.count
		return nil
	}
	switch {
	case kinds > 1:
		return usage("give images, recordings or rows, not several kinds")
	case kinds == 0:
		return usage("predict needs samples: images, WAV or CSV files, --row, - for standard input, or --draw for noise; %s", needs(rest))
	}
	return nil
}
