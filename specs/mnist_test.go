package specs_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
)

// TestLongMNIST trains with three seeds on real MNIST and compares the mean test
// accuracy after the last epoch with PyTorch's on the same recipe.
func TestLongMNIST(t *testing.T) {
	refdata.Long(t)
	data := refdata.Path(t, "mnist")
	exe := filepath.Join(t.TempDir(), "mlc")
	if out, err := exec.Command("go", "build", "-o", exe, "../cmd/mlc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		spec        string
		args        []string
		steps       int
		least, most float64
	}{
		// The classic configuration: PyTorch reaches 97.45 to 97.5%.
		{"mlp", []string{"--epochs", "10", "--batch", "64"}, 10 * 938, 0.973, 0.979},
		// PyTorch reaches 98.0%.
		{"mnist_fast", []string{"--epochs", "5", "--batch", "128", "--scale", "channels"}, 5 * 469, 0.980, 0.985},
	} {
		sum := 0.0
		for seed := 1; seed <= 3; seed++ {
			args := append([]string{"train", filepath.Join(c.spec, "net.ml"), "--data", data, "--seed", strconv.Itoa(seed),
				"--format", "json", "-o", filepath.Join(t.TempDir(), "run")}, c.args...)
			out, err := exec.Command(exe, args...).Output()
			if err != nil {
				t.Fatalf("%s, seed %d: %v\n%s", c.spec, seed, err, out)
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
				t.Fatalf("%s, seed %d: last line %s: %v", c.spec, seed, lines[len(lines)-1], err)
			}
			if done.Steps != c.steps {
				t.Errorf("%s, seed %d: %d steps, want %d: the last short batch counts", c.spec, seed, done.Steps, c.steps)
			}
			t.Logf("%s, seed %d: accuracy %.4f, train loss %.5f, %.1f s", c.spec, seed, done.TestAccuracy, done.TrainLoss, done.Seconds)
			sum += done.TestAccuracy
		}
		if mean := sum / 3; mean < c.least || mean > c.most {
			t.Errorf("%s: mean accuracy %.4f, want %.3f to %.3f", c.spec, mean, c.least, c.most)
		}
	}
}
