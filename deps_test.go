package mlc_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// policy says which packages of this module each package may import. It is a
// statement of the architecture: a build is never mended by changing it alone.
// A line without an entry may import anything below it; "..." matches a subtree.
const policy = `
dsl/diag:
dsl:              dsl/diag
compiler/dim:
compiler/scalar:  compiler/dim runtime
compiler/ir:      dsl/diag compiler/dim compiler/scalar
compiler/loop:    dsl/diag compiler/dim compiler/scalar
compiler/op:      dsl/diag compiler/dim compiler/scalar compiler/ir compiler/loop
compiler/prelude: dsl
compiler/build:   dsl dsl/diag compiler/dim compiler/scalar compiler/ir compiler/op compiler/prelude
compiler/eval:    dsl/diag compiler/dim compiler/scalar compiler/ir compiler/loop compiler/op runtime
compiler/lower:   dsl/diag compiler/dim compiler/scalar compiler/ir compiler/loop compiler/op
compiler/pass:    dsl/diag compiler/dim compiler/scalar compiler/ir compiler/loop compiler/op compiler/lower
compiler:         dsl dsl/diag compiler/...
codegen/simd:     compiler/dim compiler/scalar compiler/loop
codegen:          dsl/diag compiler/dim compiler/scalar compiler/loop codegen/simd
runtime:
data:             runtime
train:            runtime data
`

// standardOnly lists the packages that generated programs link: they may use
// nothing but the standard library and this module.
var standardOnly = []string{"runtime", "data", "train"}

// linked lists what every generated package links. Others would lengthen a user's
// first build: crypto, encoding/json and fmt with what they import take four seconds
// of fifteen on two cores.
const linked = "cmp context errors hash hash/crc32 io iter maps math math/bits path reflect runtime slices strconv strings sync " +
	"sync/atomic syscall time unicode unicode/utf8 unsafe"

const module = "github.com/mlc-go/mlc/"

func TestImportPolicy(t *testing.T) {
	allowed := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(policy)) {
		name, list, _ := strings.Cut(strings.TrimSpace(line), ":")
		allowed[name] = strings.Fields(list)
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		rules, ok := allowed[name]
		if !ok {
			continue
		}
		seen++
		for _, imp := range p.Imports {
			local, ours := strings.CutPrefix(imp, module)
			if ours && !matches(rules, local) {
				t.Errorf("%s imports %s, which the policy does not allow", name, local)
			}
			if !ours && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") && slices.Contains(standardOnly, name) {
				t.Errorf("%s imports %s, but generated programs link it offline: standard library only", name, imp)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("the policy names %d packages, go list found %d of them", len(allowed), seen)
	}
}

// TestLinked keeps the first build of a generated package short.
func TestLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./runtime").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, imp := range strings.Fields(string(out)) {
		if !strings.HasPrefix(imp, "internal/") && !strings.HasPrefix(imp, module) && !slices.Contains(strings.Fields(linked), imp) {
			t.Errorf("runtime links %s, which lengthens the first build of every generated package", imp)
		}
	}
}

func matches(rules []string, imp string) bool {
	return slices.ContainsFunc(rules, func(r string) bool {
		if dir, ok := strings.CutSuffix(r, "/..."); ok {
			return strings.HasPrefix(imp, dir+"/")
		}
		return path.Clean(r) == imp
	})
}
