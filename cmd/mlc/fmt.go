package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/cmd/mlc/internal/textdiff"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

func newFmt(a *app) *cobra.Command {
	var check, diff bool
	c := &cobra.Command{
		Use:   "fmt [FILE|DIR|./...|-]…",
		Short: "Lay out models canonically, keeping comments",
		RunE: func(c *cobra.Command, args []string) error {
			return a.format(c.Context(), args, check, diff)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "write nothing, list the files that would change, exit 1 if there are any")
	c.Flags().BoolVarP(&diff, "diff", "d", false, "write nothing, print what would change, exit 1 if anything would")
	return c
}

func (a *app) format(ctx context.Context, args []string, check, diff bool) error {
	list, err := a.inputs(args)
	if err != nil {
		return err
	}
	r, err := a.reporter("text")
	if err != nil {
		return err
	}
	var out []outFile
	for _, in := range list {
		text, ds := dsl.Format(in.path, in.text)
		r.add(ds, diag.Sources{in.path: in.text})
		if ds.HasErrors() {
			continue
		}
		if in.stdin && !check && !diff {
			if _, err := a.stdout.Write(text); err != nil {
				return failure(err)
			}
			continue
		}
		if !bytes.Equal(text, in.text) {
			out = append(out, outFile{in.path, text})
		}
		if diff {
			fmt.Fprint(a.stdout, textdiff.Unified(in.path, in.path, string(in.text), string(text)))
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	if check {
		for _, f := range out {
			fmt.Fprintln(a.stdout, f.path)
		}
	}
	if check || diff {
		if len(out) > 0 {
			return errFindings
		}
		return nil
	}
	_, err = writeAll(ctx, out)
	return err
}
