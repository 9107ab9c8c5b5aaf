package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

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
}

func newPredict(a *app) *cobra.Command {
	var f predictFlags
	c := &cobra.Command{
		Use:   "predict FILE [IMAGE…|ROWS.csv|-]",
		Short: "Ask a trained model about images or rows",
		Long: `Predict prints one JSON object a sample: the outputs, and the class with its
probability when the checkpoint knows classes. Samples are PNG or JPEG images,
CSV rows in files, on standard input (-) or given by --row, laid out as the
training data without the target.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error { return a.predict(c.Context(), args, f) }
	f.model.register(c, "json")
	f.weights.register(c, "safetensors file or run folder (default runs/MODEL)")
	c.Flags().StringVar(&f.entry, "entry", "", "the entry to call (default: the first)")
	c.Flags().StringVar(&f.row, "row", "", "one CSV row")
	c.Flags().BoolVar(&f.invert, "invert", false, "dark on light images: turn them into light on dark")
	return c
}

func (a *app) predict(ctx context.Context, args []string, f predictFlags) error {
	m, err := a.model(args[:1], f.model)
	if err != nil {
		return err
	}
	job := train.Job{Do: "predict", Entry: f.entry}
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
		return usage("model %s has no entry %q", m.info.Name, f.entry)
	}
	job.Binary = m.probability(m.info.Entries[entry].Name)
	if err := a.samples(&job, args[1:], f, m.info.Entries[entry].Inputs); err != nil {
		return err
	}
	return a.runModel(ctx, m, f.model, job, func(e train.Event) {
		if e, ok := e.(train.Predicted); ok && f.model.format == "text" {
			fmt.Fprintln(a.stdout, predictedLine(e))
		}
	})
}

// predictedLine is a prediction for people.
func predictedLine(e train.Predicted) string {
	if e.Class != nil {
		return fmt.Sprintf("%d  %s  %.4f", e.Sample, e.Label, float64(*e.Probability))
	}
	return fmt.Sprintf("%d  %v", e.Sample, e.Outputs)
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
		if !isImage(text) {
			rows.Write(text)
			continue
		}
		shape, ok := imageShape(inputs)
		if !ok {
			return usage("%s is an image, but the model's inputs are no image: %s", arg, needs(inputs))
		}
		img, err := decodeImage(text, shape, f.invert)
		if err != nil {
			return &exitError{exitFindings, fmt.Errorf("%s: %w", arg, err)}
		}
		job.Images = append(job.Images, train.Image{Name: filepath.Base(arg), Shape: shape, Pixels: img})
	}
	job.Rows = rows.Bytes()
	switch hasRows := strings.TrimSpace(rows.String()) != ""; {
	case hasRows && len(job.Images) > 0:
		return usage("give images or rows, not both")
	case !hasRows && len(job.Images) == 0:
		return usage("predict needs samples: images, CSV files, --row, or - for standard input")
	}
	return nil
}
