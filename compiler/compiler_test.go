package compiler

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/pass"
)

// large are the specs that take longer to compile than a quick test should.
var large = map[string]bool{"clip": true, "gpt": true, "llama": true, "vit": true}

// TestSpecs compiles every example with all checks between passes. Its text
// must read back, and for some a second run must give the same.
func TestSpecs(t *testing.T) {
	files, err := filepath.Glob("../specs/*/net.ml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d specs: %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			if large[name] && testing.Short() {
				t.Skip("takes seconds")
			}
			text := compile(t, Options{File: file, CheckIR: !large[name]})
			p, err := loop.Parse(text)
			if err != nil {
				t.Fatalf("its text does not read back: %v", err)
			}
			if err := loop.Verify(p); err != nil {
				t.Errorf("read back: %v", err)
			}
			if p.String() != text {
				t.Errorf("it prints differently after reading back")
			}
			if name != "mlp" && name != "lstm" && name != "custom" {
				return
			}
			if again := compile(t, Options{File: file, CheckIR: true}); again != text {
				t.Errorf("a second run gives another program")
			}
		})
	}
}

func compile(t *testing.T, o Options) string {
	t.Helper()
	r, diags, err := Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	if diags.HasErrors() || r.Loop == nil {
		t.Fatalf("%v", diags)
	}
	return r.Loop.String()
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{File: "../specs/mlp/net.ml", Disable: []string{"grad"}}, "pass grad cannot be disabled"},
		{Options{File: "../specs/mlp/net.ml", Disable: []string{"fusion"}}, `there is no pass "fusion"`},
		{Options{File: "../specs/mlp/net.ml", Dump: []string{"fused"}}, `there is no pass "fused" to dump after`},
	} {
		if _, _, err := Compile(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestDumps requires one dump for every stage and pass, in order, and that a
// dump of the loop IR reads back.
func TestDumps(t *testing.T) {
	var out strings.Builder
	compile(t, Options{File: "../specs/mlp/net.ml", Dump: []string{"all"}, DumpTo: &out})
	at := 0
	for _, stage := range []string{"build", "grad", "cse", "dce", "fuse", "lower", "layout", "pack", "plan"} {
		n := strings.Index(out.String()[at:], "// after "+stage+"\n")
		if n < 0 {
			t.Fatalf("no dump after %s in its place", stage)
		}
		at += n
	}
	out.Reset()
	compile(t, Options{File: "../specs/mlp/net.ml", Dump: []string{"plan"}, DumpTo: &out})
	_, text, _ := strings.Cut(out.String(), "\n")
	if _, err := loop.Parse(text); err != nil {
		t.Errorf("the dump after plan: %v", err)
	}
}

// TestCrashes requires that what a fault of a stage leaves is the IR before it: what
// a dump after the stage before it shows.
func TestCrashes(t *testing.T) {
	for stage, before := range map[string]string{"grad": "build", "fuse": "remat", "lower": "fuse", "layout": "lower", "plan": "rename"} {
		var dump strings.Builder
		compile(t, Options{File: "../specs/lstm/net.ml", Dump: []string{before}, DumpTo: &dump})
		_, want, _ := strings.Cut(dump.String(), "\n")
		got := map[string]string{}
		o := Options{File: "../specs/lstm/net.ml", OnCrash: func(pass, text string) { got[pass] = text }}
		o.crashed(fmt.Errorf("in the middle: %w", &pass.Failure{Pass: stage, Err: errors.New("broken")}))
		if len(got) != 1 || got[stage] != want {
			t.Errorf("a fault of %s left %d texts, of %d bytes in place of %d", stage, len(got), len(got[stage]), len(want))
		}
	}
}
