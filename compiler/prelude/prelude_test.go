package prelude_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/prelude"
	"github.com/mlc-go/mlc/dsl"
)

// TestFilesAreCanonical reads every file of the library: it parses, it is laid out
// as the formatter lays it out, it declares the word that it is called, and a
// comment stands above that.
func TestFilesAreCanonical(t *testing.T) {
	paths, err := filepath.Glob("*/*.ml")
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d files, error %v", len(paths), err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, diags := dsl.Parse(path, src)
		if diags.HasErrors() {
			t.Errorf("%s: %v", path, diags)
			continue
		}
		word := strings.TrimSuffix(filepath.Base(path), ".ml")
		if d := file.Decls[0]; d.Name().Name != word || d.Doc == "" {
			t.Errorf("%s: the first declaration is %s with the comment %q", path, d.Name().Name, d.Doc)
		}
		out, diags := dsl.Format(path, src)
		if diags.HasErrors() || string(out) != string(src) {
			t.Errorf("%s is not in canonical layout: %v\n%s", path, diags, out)
		}
		if prelude.Word(word) == nil {
			t.Errorf("%s is not found as a word", path)
		}
	}
}

// TestWordsAreUnique holds one file against each word, whatever its folder.
func TestWordsAreUnique(t *testing.T) {
	paths, err := filepath.Glob("*/*.ml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, path := range paths {
		word := filepath.Base(path)
		if prev, ok := seen[word]; ok {
			t.Errorf("%s and %s declare one word", prev, path)
		}
		seen[word] = path
	}
	if n := len(prelude.Words()); n != len(seen) {
		t.Errorf("%d words, %d files", n, len(seen))
	}
}
