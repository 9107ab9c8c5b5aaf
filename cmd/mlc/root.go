package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mlc-go/mlc/dsl/diag"
)

// app holds the streams and the flags that every verb has.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	quiet, verbose bool
	ascii          bool
	color          string
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "mlc",
		Short:         "Compile neural networks to Go",
		Long:          "mlc compiles a neural network written as net.ml into a Go package that trains and runs it.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no remarks")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say more")
	f.StringVar(&a.color, "color", "auto", "colours in messages: auto, always or never")
	f.BoolVar(&a.ascii, "ascii", false, "write ASCII only")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch a.color {
		case "auto", "always", "never":
			return nil
		}
		return usage("--color is auto, always or never, not %q", a.color)
	}
	for _, verb := range []func(*app) *cobra.Command{
		newBuild, newDiff, newLint, newFmt, newTrain, newEval, newPredict, newBench, newSummary,
		newExplain, newList, newDoc, newInit, newVersion,
	} {
		root.AddCommand(verb(a))
	}
	return root
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// renderOptions says how diagnostics look on a stream.
func (a *app) renderOptions(w io.Writer) diag.RenderOptions {
	color := a.color == "always" || a.color == "auto" && isTerminal(w) && os.Getenv("NO_COLOR") == ""
	return diag.RenderOptions{Color: color, ASCII: a.ascii || !utf8Locale()}
}

// utf8Locale reports whether the locale's text is UTF-8. An unset locale counts
// as UTF-8: that is how containers and CI run.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8") || v != "c" && v != "posix"
		}
	}
	return true
}
