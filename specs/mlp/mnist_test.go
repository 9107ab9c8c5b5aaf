package mlp_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
)

// TestLongMNIST trains the classic configuration on real MNIST with three seeds:
// SGD 0.01, momentum 0.9, batch 64, 10 epochs, pixels divided by 255. PyTorch's
// mean on the same is 97.45 to 97.5%.
func TestLongMNIST(t *testing.T) {
	refdata.Long(t)
	data := refdata.Path(t, "mnist")
	exe := filepath.Join(t.TempDir(), "mlc")
	if out, err := exec.Command("go", "build", "-o", exe, "../../cmd/mlc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sum := 0.0
	for seed := 1; seed <= 3; seed++ {
		cmd := exec.Command(exe, "train", "net.ml", "--data", data, "--epochs", "10", "--batch", "64",
			"--seed", strconv.Itoa(seed), "--format", "json", "-o", filepath.Join(t.TempDir(), "run"))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, out)
		}
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		var done struct {
			Event        string
			TrainLoss    float64 `json:"train_loss"`
			TestAccuracy float64 `json:"test_accuracy"`
			Steps        int
			Seconds      float64
		}
		if err := json.Unmarshal(lines[len(lines)-1], &done); err != nil || done.Event != "done" {
			t.Fatalf("seed %d: last line %s: %v", seed, lines[len(lines)-1], err)
		}
		if want := 10 * 938; done.Steps != want {
			t.Errorf("seed %d: %d steps, want %d: the last short batch counts", seed, done.Steps, want)
		}
		t.Logf("seed %d: accuracy %.4f, train loss %.5f, %.1f s", seed, done.TestAccuracy, done.TrainLoss, done.Seconds)
		sum += done.TestAccuracy
	}
	if mean := sum / 3; mean < 0.973 || mean > 0.979 {
		t.Errorf("mean accuracy %.4f, want 0.973 to 0.979", mean)
	}
}
