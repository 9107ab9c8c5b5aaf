package simd

import (
	"os"
	"testing"

	"github.com/mlc-go/mlc/compiler/loop"
)

// TestFewLongColumns requires that two workers share the long sums of 64 channels.
func TestFewLongColumns(t *testing.T) {
	text, err := os.ReadFile("testdata/channels.txt")
	if err != nil {
		t.Fatal(err)
	}
	prog, err := loop.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, k := range prog.Kernels {
		if k.Name != "longColumns" {
			continue
		}
		found = true
		for _, target := range []Target{AVX512, AVX2} {
			f, reason := Lower(k, target)
			if f == nil {
				t.Fatal(reason)
			}
			if n, _ := f.Items.Int(); n != 2 || f.Grain != 1 {
				t.Errorf("%v: %v items in turns of %d, want 2, one a turn", target, f.Items, f.Grain)
			}
		}
	}
	if !found {
		t.Error("no kernel longColumns")
	}
}
