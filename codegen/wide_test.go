package codegen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/loop"
)

// TestWideRows trains layers of which pack copies what their gradients read, on every
// target and number of threads. What it is compared with reads the rows where they
// lie: a copy keeps every bit.
func TestWideRows(t *testing.T) {
	const file = "testdata/wide/net.ml"
	plain, _, err := compiler.Compile(compiler.Options{File: file, Disable: []string{"pack"}})
	if err != nil {
		t.Fatal(err)
	}
	packed := compiled(t, file, nil)
	copies := map[string]int{} // into which buffers
	for _, f := range packed.Funcs {
		for _, s := range f.Body {
			if c, ok := s.(*loop.Call); ok && f.Kind == "train" && strings.Contains(c.Kernel.Name, "WeightUpdatePack") {
				copies[c.Args[1].Buffer.Name]++
			}
		}
	}
	if len(copies) != 4 { // the input and the output gradient of each layer
		t.Errorf("copies for the weights' gradients are %v, not four", copies)
	}
	l := newLab(t)
	l.add("packed", packed)
	l.add("plain", plain.Loop)
	l.build()
	var names []string
	for _, batch := range []int64{1, 7, 30} { // 30 samples are more than one block of 1,024 steps
		l.addCase("plain", uint64(batch), 1, "forward step step", map[string]int64{"batch": batch})
		l.cases[len(l.cases)-1].Target = "go"
		names = append(names, fmt.Sprintf("%d plain", batch))
		for n, target := range []string{"go", "avx2", "avx512"} {
			l.addLike("packed", target, n+1)
			names = append(names, fmt.Sprintf("%d packed %s", batch, target))
		}
	}
	for i, r := range l.run() {
		if r.Err != "" {
			t.Errorf("%s: %s", names[i], r.Err)
		}
	}
}
