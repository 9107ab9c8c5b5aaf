package main

import (
	"bytes"
	"os"
	"testing"
)

// TestCurrent fails when runtime/math32.go is not what the table says.
func TestCurrent(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../runtime/math32.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("runtime/math32.go is stale: go run ./internal/mathgen -o runtime/math32.go")
	}
}
