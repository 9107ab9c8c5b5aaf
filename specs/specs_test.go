// Package specs_test holds the example networks together: their tensors, their
// generated packages and ten steps of training of each.
package specs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl/diag"
)

// spec is one of the example networks.
type spec struct {
	name       string
	tensors    int               // learnable
	parameters int64             // elements of those; the README of each paper or library
	small      map[string]string // hyper-parameters of a version that trains in a test
	warning    string            // the one finding that is right
}

// specs are the networks with the sizes that docs/language.md states.
var specs = []spec{
	{"mlp", 4, 101_770, nil, ""},
	{"lenet", 10, 61_706, nil, ""},
	{"resnet18", 62, 11_689_512, nil, ""},
	{"unet", 64, 31_037_698, map[string]string{"base": "4", "depth": "2", "size": "16"}, ""},
	{"vae", 10, 652_824, nil, ""},
	{"lstm", 19, 4_928_514, map[string]string{"vocab": "50", "dim": "8", "hidden": "16"}, ""},
	{"gpt", 148, 124_475_904, map[string]string{"vocab": "64", "context": "16", "layers": "2", "heads": "2", "dim": "16"}, ""},
	{"llama", 146, 1_235_814_400, map[string]string{"vocab": "64", "context": "16", "layers": "2", "heads": "4", "kv_heads": "2", "dim": "32", "hidden": "48"}, ""},
	{"vit", 200, 86_567_656, map[string]string{"size": "16", "patch": "8", "dim": "16", "layers": "2", "heads": "2", "classes": "10"}, ""},
	{"dqn", 12, 34_820, nil, ""},
	{"actor_critic", 8, 69_381, nil, ""},
	{"gan", 14, 1_920_066, map[string]string{"latent": "8", "width": "4"}, ""},
	{"clip", 350, 151_277_057, nil, ""},
	{"ctc", 44, 17_760_765, map[string]string{"mels": "16", "hidden": "12", "layers": "2"}, ""},
	{"custom", 8, 1_185, nil, "the value seq is never used"},
}

// file returns the path of a network's source.
func (s spec) file() string { return filepath.Join(s.name, "net.ml") }

// TestAllAreListed requires that the table names every folder here, no more.
func TestAllAreListed(t *testing.T) {
	files, err := filepath.Glob("*/net.ml")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range specs {
		want = append(want, s.file())
	}
	slices.Sort(want)
	if !slices.Equal(files, want) {
		t.Errorf("folders %v, table %v", files, want)
	}
}

// TestParameters compares the numbers of learnable tensors and values with those
// published for each network, and requires no findings but the one that is right.
func TestParameters(t *testing.T) {
	for _, s := range specs {
		t.Run(s.name, func(t *testing.T) {
			r, diags, err := compiler.Build(compiler.Options{File: s.file()})
			if err != nil {
				t.Fatal(err)
			}
			diags = slices.DeleteFunc(diags, func(d *diag.Diagnostic) bool { return s.warning != "" && d.Message == s.warning })
			if len(diags) > 0 {
				t.Errorf("not clean:\n%s", render(t, diags, r))
			}
			if r.IR == nil {
				return
			}
			tensors, values := 0, int64(0)
			for _, v := range r.IR.Vars {
				if v.Kind != ir.Param {
					continue
				}
				n := int64(1)
				for _, d := range v.Type.Shape {
					e, ok := d.Int()
					if !ok {
						t.Fatalf("%s has the extent %s", v.Name, d)
					}
					n *= e
				}
				tensors, values = tensors+1, values+n
			}
			if tensors != s.tensors || values != s.parameters {
				t.Errorf("%d tensors of %d values, want %d of %d", tensors, values, s.tensors, s.parameters)
			}
			if r.Info.Parameters != s.parameters {
				t.Errorf("the summary counts %d parameters, want %d", r.Info.Parameters, s.parameters)
			}
		})
	}
}

// TestGenerated generates every package that is checked in, and requires the
// files on disk: here, from another folder, and with one processor.
func TestGenerated(t *testing.T) {
	checked := 0
	for _, s := range specs {
		if _, err := os.Stat(filepath.Join(s.name, "net_ml.go")); err != nil {
			continue
		}
		checked++
		t.Run(s.name, func(t *testing.T) {
			abs, err := filepath.Abs(s.name)
			if err != nil {
				t.Fatal(err)
			}
			compareFiles(t, abs, generate(t, s.file(), nil, s.name))
			t.Chdir(t.TempDir())
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			compareFiles(t, abs, generate(t, filepath.Join(abs, "net.ml"), nil, s.name))
		})
	}
	if checked == 0 {
		t.Error("no package is checked in")
	}
}

// compareFiles requires that a folder holds the given generated files and no others.
func compareFiles(t *testing.T, dir string, files []codegen.File) {
	t.Helper()
	names := map[string]bool{}
	for _, f := range files {
		names[f.Name] = true
		have, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(have, f.Data) {
			t.Errorf("%s is stale: run make generate", f.Name)
		}
	}
	onDisk, err := filepath.Glob(filepath.Join(dir, "net_ml*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range onDisk {
		if !names[filepath.Base(path)] {
			t.Errorf("%s is left from an earlier build", path)
		}
	}
}

// compile runs the whole compiler on a network.
func compile(t testing.TB, file string, set map[string]string) *compiler.Result {
	t.Helper()
	r, diags, err := compiler.Compile(compiler.Options{File: file, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	if diags.HasErrors() {
		t.Fatal(render(t, diags, r))
	}
	return r
}

// generate compiles a network and prints its package.
func generate(t testing.TB, file string, set map[string]string, name string) []codegen.File {
	t.Helper()
	files, err := codegen.Generate(compile(t, file, set).Loop, codegen.Options{Package: name})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func render(t testing.TB, list diag.List, r *compiler.Result) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Render(&b, "text", list, r.Info.Sources, diag.RenderOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
