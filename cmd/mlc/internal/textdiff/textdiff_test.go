package textdiff

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPatchApplies lets the tool patch apply random differences: the oracle is
// another program.
func TestPatchApplies(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("patch is not installed")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(strings.Repeat(string(rune('a'+rng.IntN(4))), 1+rng.IntN(2)) + "\n")
		}
		s := b.String()
		if rng.IntN(4) == 0 {
			s = strings.TrimSuffix(s, "\n")
		}
		return s
	}
	for range 60 {
		a := text(rng.IntN(30))
		b := text(rng.IntN(30))
		if rng.IntN(2) == 0 {
			lines := strings.SplitAfter(a, "\n")
			lines[rng.IntN(len(lines))] = "changed\n"
			b = strings.Join(lines, "")
		}
		diff := Unified("a", "b", a, b)
		if a == b {
			if diff != "" {
				t.Errorf("equal texts differ: %s", diff)
			}
			continue
		}
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, []byte(a), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(patch, "-s", file)
		cmd.Stdin = strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%q to %q\n%s", err, out, a, b, diff)
		}
		got, err := os.ReadFile(file)
		if err != nil && b != "" { // patch removes a file that becomes empty
			t.Fatal(err)
		}
		if string(got) != b {
			t.Errorf("patched to %q, want %q\n%s", got, b, diff)
		}
	}
}

func TestUnifiedForm(t *testing.T) {
	got := Unified("old", "new", "1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nfive\n6\n")
	want := "--- old\n+++ new\n@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+five\n 6\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
