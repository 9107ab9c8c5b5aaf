// Package refdata finds the reference data of tests: data sets, trained models
// and vectors of other systems, which are not part of the repository.
//
// It knows where the folder is and nothing of what it holds.
package refdata

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Path returns the path of a file or folder of the reference data: below
// $MLC_DATA, or below ../shared/data beside the repository. A test that finds
// nothing is skipped and says why; under CI (environment variable CI) it fails.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	roots := candidates()
	for _, root := range roots {
		p := filepath.Join(append([]string{root}, elem...)...)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	missing := filepath.Join(elem...)
	if os.Getenv("CI") != "" {
		t.Fatalf("reference data %s not found in %v; set MLC_DATA", missing, roots)
	}
	t.Skipf("reference data %s not found in %v; set MLC_DATA to the folder that holds it", missing, roots)
	return ""
}

// Long skips a test that belongs to .ci/run and not to `go test ./...`, unless
// MLC_LONG is set.
func Long(t testing.TB) {
	t.Helper()
	if os.Getenv("MLC_LONG") == "" {
		t.Skip("a longer suite: set MLC_LONG=1 to run it (.ci/run does)")
	}
}

func candidates() []string {
	if dir := os.Getenv("MLC_DATA"); dir != "" {
		return []string{dir}
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "specs")); err == nil {
				return []string{filepath.Join(filepath.Dir(dir), "shared", "data")}
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

// PyTorch returns a Python that has PyTorch, for tests of the longer suites: importing
// it alone takes seconds. It skips the test where there is none.
func PyTorch(t testing.TB) string {
	t.Helper()
	Long(t)
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import torch").Run() == nil {
			return name
		}
	}
	t.Skip("PyTorch is not installed")
	return ""
}
