package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// starters holds one model text a template.
//
//go:embed starters/*.ml
var starters embed.FS

func starterNames() []string {
	names, _ := fs.Glob(starters, "starters/*.ml") // the pattern is well formed
	for i, n := range names {
		names[i] = strings.TrimSuffix(filepath.Base(n), ".ml")
	}
	return names
}

func newInit(a *app) *cobra.Command {
	var template string
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a starter model and its generate directive",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.init(c.Context(), dir, template)
		},
	}
	c.Flags().StringVar(&template, "template", "mlp", "the starter: "+strings.Join(starterNames(), ", "))
	return c
}

func (a *app) init(ctx context.Context, dir, template string) error {
	model, err := starters.ReadFile("starters/" + template + ".ml")
	if err != nil {
		return usage("there is no template %q, there are: %s", template, strings.Join(starterNames(), ", "))
	}
	name, err := packageName(dir)
	if err != nil {
		return err
	}
	generate := fmt.Sprintf("package %s\n\n//go:generate go tool mlc build net.ml\n", name)
	files := []outFile{
		{filepath.Join(dir, "net.ml"), model},
		{filepath.Join(dir, "generate.go"), []byte(generate)},
	}
	for _, f := range files {
		if _, err := os.Stat(f.path); !errors.Is(err, fs.ErrNotExist) {
			return usage("%s exists, init does not overwrite", f.path)
		}
	}
	written, err := writeAll(ctx, files)
	for _, path := range written {
		fmt.Fprintln(a.stdout, path)
	}
	return err
}
