package specs_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// TestStoriesWrite runs generated Go with the weights of a small trained Llama,
// token by token with a cache of keys and values: it writes the text that
// llama2.c writes, and its scores are those of PyTorch in float64.
func TestStoriesWrite(t *testing.T) {
	dir := t.TempDir()
	weights := filepath.Join(dir, "weights.safetensors")
	storiesWeights(t, weights)
	buildStories(t, dir)
	text, err := exec.Command(filepath.Join(dir, "writer"), weights).Output()
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Tokens, Again []int
		Logits        [][]float64
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Tokens, out.Again) {
		t.Error("after Reset the session writes something else")
	}
	want, err := os.ReadFile(refdata.Path(t, "models", "stories260K.greedy200.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if have := spell(t, out.Tokens); have != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("it writes\n%s\nwant\n%s", have, want)
	}
	ref := open(t, "stories260K.ref.safetensors")
	tokens, positions, logits := floatsOf(t, ref, "in.tokens"), floatsOf(t, ref, "in.positions"), floatsOf(t, ref, "out.logits")
	for i, next := range tokens[1:] {
		if float64(out.Tokens[i]) != next {
			t.Fatalf("token %d is %d, want %v", i+1, out.Tokens[i], next)
		}
	}
	for i, p := range positions {
		for k, v := range out.Logits[int(p)] {
			if w := logits[i*512+k]; !(math.Abs(v-w) <= 2e-4) {
				t.Fatalf("position %v, score of token %d: %v, want %v", p, k, v, w)
			}
		}
	}
}

// storiesWeights writes the trained weights under the names of the model.
func storiesWeights(t *testing.T, file string) {
	t.Helper()
	m := foreignFrom(t, compiler.Options{File: filepath.Join("testdata", "stories.ml")})
	_, rules := specAndMap(t, "llama", "huggingface.map")
	parsed, err := train.ParseWeightMap(rules)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := llama2c(t).Convert(&m.info, train.LoadOptions{Map: parsed})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := mlrt.WriteFile(f, nil, list); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// buildStories builds the program of testdata/stories around the generated model.
func buildStories(t *testing.T, dir string) {
	t.Helper()
	for _, f := range generate(t, filepath.Join("testdata", "stories.ml"), nil, "stories") {
		write(t, filepath.Join(dir, "stories", f.Name), f.Data)
	}
	main, err := os.ReadFile(filepath.Join("testdata", "stories", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.go"), main)
	goBuild(t, dir, "writer")
}

// spell turns tokens into text as llama2.c does: a space that begins the text is
// left out, and <0x0A> is a byte.
func spell(t *testing.T, tokens []int) string {
	t.Helper()
	raw, err := os.ReadFile(refdata.Path(t, "models", "tok512.bin"))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for raw = raw[4:]; len(raw) > 0; { // the length of the longest word comes first
		n := binary.LittleEndian.Uint32(raw[4:]) // behind the word's score
		words = append(words, string(raw[8:8+n]))
		raw = raw[8+n:]
	}
	var b strings.Builder
	for i, k := range tokens {
		if k == 1 {
			break
		}
		word := words[k]
		if i == 0 {
			word = strings.TrimPrefix(word, " ")
		}
		var code int
		if n, err := fmt.Sscanf(word, "<0x%02X>", &code); n == 1 && err == nil {
			word = string([]byte{byte(code)})
		}
		b.WriteString(word)
	}
	return b.String()
}
