package main

import (
	"context"
	"strings"
	"testing"

	mlc "github.com/mlc-go/mlc"
	"github.com/mlc-go/mlc/cmd/mlc/internal/runner"
)

// TestEmbeddedSources builds a program from the sources that the binary carries
// and asks it something: all files that it needs are there, and the standard
// library is all that it links besides.
func TestEmbeddedSources(t *testing.T) {
	t.Setenv("MLC_CACHE", t.TempDir())
	model := []runner.File{{Name: "net_ml.go", Text: []byte(`package model

import mlrt "github.com/mlc-go/mlc/runtime"

func Generated() *mlrt.Generated {
	return &mlrt.Generated{Info: &mlrt.Info{Name: "Empty"}, New: func(uint64) mlrt.Model { return nil }}
}
`)}}
	program, err := runner.Build(context.Background(), mlc.Sources, model, func() {})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	code, err := runner.Run(context.Background(), program, []byte(`{"do":"predict","weights":"/does/not/exist"}`), func(line []byte) error {
		out.Write(line)
		return nil
	})
	if err != nil || code != exitFindings || !strings.Contains(out.String(), `"code":"ML0609"`) {
		t.Errorf("code %d, error %v, output %s", code, err, out.String())
	}
}
