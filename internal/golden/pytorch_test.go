package golden_test

import (
	"os/exec"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
)

// TestLongMadeByPyTorch lets PyTorch, where it is installed, make some 1,500 further
// cases, which go over the words' arguments more widely than the shared ones.
func TestLongMadeByPyTorch(t *testing.T) {
	python := refdata.PyTorch(t)
	dir := t.TempDir()
	if out, err := exec.Command(python, "testdata/torch_cases.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("reference", func(t *testing.T) { reference64(t, dir) })
	t.Run("generated", func(t *testing.T) { generated32(t, dir) })
}
