package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mlc-go/mlc/internal/refdata"
	"github.com/mlc-go/mlc/train"
)

// spec returns the path of an example model.
func spec(name string) string { return filepath.Join("..", "..", "specs", name, "net.ml") }

// trained runs mlc and returns the last event on its standard output.
func trained(t *testing.T, args ...string) *train.Done {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
		t.Fatalf("mlc %v: exit code %d\n%s", args, code, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	e, err := train.DecodeEvent([]byte(lines[len(lines)-1]))
	if err != nil {
		t.Fatal(err)
	}
	done, ok := e.(train.Done)
	if !ok {
		t.Fatalf("the last line is %s", lines[len(lines)-1])
	}
	return &done
}

// TestTimesOfGlyphs is the README's first command: it must end within two minutes
// and reach 97%.
func TestTimesOfGlyphs(t *testing.T) {
	refdata.Long(t)
	t.Setenv("MLC_CACHE", t.TempDir())
	begin := time.Now()
	done := trained(t, "train", spec("mlp"), "-o", t.TempDir(), "--format", "json")
	took := time.Since(begin)
	t.Logf("test accuracy %.4f in %.1f s", float64(*done.TestAccuracy), took.Seconds())
	if *done.TestAccuracy < 0.97 || took > 2*time.Minute {
		t.Errorf("test accuracy %.4f in %v, want 0.97 within two minutes", float64(*done.TestAccuracy), took)
	}
	begin = time.Now()
	trained(t, "train", spec("mlp"), "-o", t.TempDir(), "--format", "json", "--epochs", "1")
	if took := time.Since(begin).Seconds() - float64(done.Seconds)/float64(done.Epochs); took > 1.5 {
		t.Errorf("the second run needed %.1f s besides its epoch", took)
	}
}

// TestLongRecipes trains recipes on real data of their kind. The bounds are far
// from chance: 87% of the messages are no spam, one spoken digit in ten is right by
// guessing, 17% of the words are nouns, the entropy of the play's characters is 3.3, and forecasting the mean
// of the temperatures errs by 3.3 degrees.
func TestLongRecipes(t *testing.T) {
	refdata.Long(t)
	t.Setenv("MLC_CACHE", t.TempDir())
	recordings := t.TempDir()
	untar(t, refdata.Path(t, "speech", "fsdd_0-24.tar.gz"), recordings)
	for _, c := range []struct {
		name     string
		args     []string
		loss     float64
		accuracy float64
	}{
		{"spam", []string{"--data", refdata.Path(t, "text", "sms_spam.tsv"), "--target-column", "1", "--text", "2", "--vocab", "2000", "--epochs", "5"}, 0.1, 0.97},
		{"spoken", []string{"--data", recordings, "--epochs", "8", "--batch", "32"}, 0.4, 0.9},
		{"chargpt", []string{"--data", refdata.Path(t, "text", "tinyshakespeare.txt"), "--epochs", "1", "--batch", "32"}, 2.3, 0},
		{"tagger", []string{"--data", refdata.Path(t, "text", "en_ewt-ud-dev.conllu.gz"), "--epochs", "8", "--batch", "16"}, 0.8, 0.75},
		{"forecast", []string{"--data", refdata.Path(t, "tabular", "daily-min-temperatures.csv"), "--window", "30", "--epochs", "20"}, 8, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join("..", "..", "examples", "recipes", c.name, "net.ml")
			done := trained(t, append([]string{"train", file, "--format", "json", "-o", t.TempDir()}, c.args...)...)
			if loss := float64(*done.TestLoss); loss > c.loss {
				t.Errorf("test loss %.4f, want at most %v", loss, c.loss)
			}
			if done.TestAccuracy != nil && float64(*done.TestAccuracy) < c.accuracy {
				t.Errorf("test accuracy %.4f, want at least %v", float64(*done.TestAccuracy), c.accuracy)
			}
		})
	}
}

// untar unpacks the files of an archive into a folder, without their folders.
func untar(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestModels trains the models of testdata/models.txtar on tables and on the
// built-in set. The bounds are far from chance: the variance of the houses'
// values is 84, the entropy of the notes 0.69, a guess is right in 10% and 55%.
func TestModels(t *testing.T) {
	t.Setenv("MLC_CACHE", t.TempDir())
	dir := t.TempDir()
	unpack(t, filepath.Join("testdata", "models.txtar"), dir)
	table := func(name string) []string { return []string{"--data", refdata.Path(t, "tabular", name)} }
	notes := table("banknote_authentication.csv")
	for _, c := range []struct {
		name     string
		args     []string
		loss     float64
		accuracy float64
	}{
		{"housing", append(table("housing.csv"), "--epochs", "40"), 40, 0},
		{"banknote", append(notes, "--epochs", "20"), 0.1, 0},
		{"keras", []string{"--epochs", "3"}, 0.5, 0.85},
		{"twins", append(notes, "--epochs", "20", "--columns", "left=1,2", "--columns", "right=3,4"), 0.2, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"train", filepath.Join(dir, c.name+".ml"), "--format", "json", "-o", filepath.Join(dir, c.name)}, c.args...)
			done := trained(t, args...)
			if done.TestLoss == nil || !(float64(*done.TestLoss) < c.loss) {
				t.Errorf("test loss is not below %v: %+v", c.loss, done)
			}
			if c.accuracy > 0 && (done.TestAccuracy == nil || !(float64(*done.TestAccuracy) > c.accuracy)) {
				t.Errorf("test accuracy is not above %v: %+v", c.accuracy, done)
			}
		})
	}
	// The first row of the table is a genuine note.
	var stdout, stderr bytes.Buffer
	args := []string{"predict", filepath.Join(dir, "banknote.ml"), "--weights", filepath.Join(dir, "banknote"), "--row", "3.6216,8.6661,-2.8073,-0.44699"}
	if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != exitOK || !strings.Contains(stdout.String(), `"label":"0"`) {
		t.Errorf("exit code %d, %s%s", code, stdout.String(), stderr.String())
	}
}

// watched is a stream that calls seen at each line that holds a word.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	word string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if strings.Contains(string(p), w.word) {
		w.seen()
	}
	return len(p), nil
}

// TestBuildInterrupt: an interrupt while a model is compiled ends with code 130 and
// leaves no file.
func TestBuildInterrupt(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"build", "../../specs/mlp/net.ml", "-o", filepath.Join(dir, "net")}, strings.NewReader(""), &stdout, &stderr)
	if code != exitInterrupt {
		t.Errorf("exit code %d\n%s", code, stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

// TestTrainInterrupt: an interrupt ends a run with code 130 and a checkpoint
// from which it goes on.
func TestTrainInterrupt(t *testing.T) {
	t.Setenv("MLC_CACHE", t.TempDir())
	dir := t.TempDir()
	unpack(t, filepath.Join("testdata", "script", "train.txtar"), dir)
	net, points := filepath.Join(dir, "net.ml"), filepath.Join(dir, "points.csv")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stderr := &watched{word: "epoch", seen: cancel}
	var stdout bytes.Buffer
	args := []string{"train", net, "--data", points, "-o", filepath.Join(dir, "run"), "--epochs", "100000"}
	if code := run(ctx, args, strings.NewReader(""), &stdout, stderr); code != exitInterrupt {
		t.Errorf("exit code %d\n%s", code, stderr.text.String())
	}
	if !strings.Contains(stderr.text.String(), "go on with --resume") {
		t.Errorf("nothing about going on:\n%s", stderr.text.String())
	}
	w, err := train.OpenWeights(filepath.Join(dir, "run"))
	if err != nil || w.Fallback != nil {
		t.Errorf("the checkpoint: %v, %v", err, w)
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "run.json")); err != nil {
		t.Error(err)
	}
}
