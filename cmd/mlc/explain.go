package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/dsl/diag"
)

func newExplain(a *app) *cobra.Command {
	var list, asJSON bool
	c := &cobra.Command{
		Use:   "explain CODE",
		Short: "Explain a diagnostic's code, with an example",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			codes := diag.Codes()
			if !list {
				if len(args) == 0 {
					return usage("explain needs a code such as ML0201, or --list")
				}
				info, ok := diag.Lookup(diag.Code(strings.ToUpper(args[0])))
				if !ok {
					return usage("there is no code %q: mlc explain --list shows all", args[0])
				}
				codes = []diag.CodeInfo{info}
			}
			if asJSON {
				return explainJSON(a.stdout, codes)
			}
			for _, info := range codes {
				if list {
					fmt.Fprintf(a.stdout, "%s  %-7s  %s\n", info.Code, info.Severity, info.Title)
				} else {
					explainText(a.stdout, info)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list all codes")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

func explainText(w io.Writer, info diag.CodeInfo) {
	fmt.Fprintf(w, "%s (%s): %s\n\n%s\n", info.Code, info.Severity, info.Title, info.Text)
	if info.Example == "" {
		return
	}
	fmt.Fprintf(w, "\nA model that gets it:\n\n")
	for line := range strings.Lines(info.Example) {
		fmt.Fprintf(w, "    %s", line)
	}
}

func explainJSON(w io.Writer, codes []diag.CodeInfo) error {
	enc := json.NewEncoder(w)
	for _, info := range codes {
		err := enc.Encode(struct {
			Code     diag.Code `json:"code"`
			Severity string    `json:"severity"`
			Title    string    `json:"title"`
			Text     string    `json:"text"`
			Example  string    `json:"example,omitempty"`
		}{info.Code, info.Severity.String(), info.Title, info.Text, info.Example})
		if err != nil {
			return failure(err)
		}
	}
	return nil
}
