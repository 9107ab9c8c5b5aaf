// Package specs_test holds the example networks together: their tensors, their
// generated packages and ten steps of training of each.
package specs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl/diag"
)

var _ = debug.SetGCPercent(400) // as the command does

// spec is one of the example networks.
type spec struct {
	name       string
	dir        string // where its folder is; "" is here
	tensors    int    // learnable
	parameters int64  // elements of those
	warning    string // the one finding that is right

	// A version that trains in a test.
	small  map[string]string      // hyper-parameters
	edits  map[string][][2]string // replacements in a recipe whose sizes are no hyper-parameters
	dims   map[string]int64       // sizes that differ from the usual ones
	ranges map[string][2]int      // of integer inputs other than 0 and 1; floats named here lie between 0 and 1
	rate   float64                // factor of a learning rate that starts low
	zero   []string               // tensors whose gradient is zero: a key's bias, a bias before batch norm
}

// specs are the networks with the sizes that docs/language.md states.
var specs = []spec{
	{name: "mlp", tensors: 4, parameters: 101_770, ranges: map[string][2]int{"labels": {0, 10}}},
	{name: "lenet", tensors: 10, parameters: 61_706, ranges: map[string][2]int{"labels": {0, 10}}},
	{name: "resnet18", tensors: 62, parameters: 11_689_512, small: map[string]string{"classes": "10", "width": "4", "size": "32"}, dims: map[string]int64{"batch": 8},
		ranges: map[string][2]int{"labels": {0, 10}}},
	{name: "unet", tensors: 64, parameters: 31_037_698, small: map[string]string{"base": "4", "depth": "2", "size": "16"}},
	{name: "vae", tensors: 10, parameters: 652_824, ranges: map[string][2]int{"x": {0, 1}}},
	{name: "lstm", tensors: 19, parameters: 4_928_514, small: map[string]string{"vocab": "50", "dim": "8", "hidden": "16", "drop": "0.1"},
		ranges: map[string][2]int{"tokens": {1, 50}, "lengths": {3, 9}}},
	{name: "gpt", tensors: 148, parameters: 124_475_904, small: map[string]string{"vocab": "64", "context": "16", "layers": "2", "heads": "2", "dim": "16"},
		ranges: map[string][2]int{"tokens": {0, 64}, "targets": {0, 64}}, rate: 1000},
	{name: "llama", tensors: 146, parameters: 1_235_814_400,
		small:  map[string]string{"vocab": "64", "context": "16", "layers": "2", "heads": "4", "kv_heads": "2", "dim": "32", "hidden": "48"},
		ranges: map[string][2]int{"tokens": {0, 64}, "targets": {0, 64}}, rate: 10_000},
	{name: "vit", tensors: 200, parameters: 86_567_656, small: map[string]string{"size": "16", "patch": "8", "dim": "16", "layers": "2", "heads": "2", "classes": "10"},
		ranges: map[string][2]int{"labels": {0, 10}}, rate: 1000, zero: []string{"k_proj.bias"}},
	{name: "dqn", tensors: 12, parameters: 34_820, ranges: map[string][2]int{"done": {0, 1}}},
	{name: "actor_critic", tensors: 8, parameters: 69_381, ranges: map[string][2]int{"action": {0, 4}}},
	{name: "gan", tensors: 14, parameters: 1_920_066, small: map[string]string{"latent": "8", "width": "4"}},
	{name: "clip", tensors: 350, parameters: 151_277_057, small: map[string]string{"dim": "16", "layers": "2", "heads": "2", "vocab": "50", "context": "6",
		"size": "64", "vision_dim": "16", "vision_layers": "2", "vision_heads": "2"},
		ranges: map[string][2]int{"tokens": {0, 50}}, rate: 100, zero: []string{"k_proj.bias"}},
	{name: "ctc", tensors: 44, parameters: 17_760_765, small: map[string]string{"mels": "8", "hidden": "12", "layers": "2"}, dims: map[string]int64{"time": 24},
		ranges: map[string][2]int{"lengths": {20, 25}, "targets": {1, 29}, "target_lengths": {1, 3}}, rate: 10, zero: []string{"conv1.bias", "conv2.bias"}},
	{name: "custom", tensors: 8, parameters: 1_185, warning: "the value seq is never used", rate: 100},
}

// file returns the path of a network's source.
func (s spec) file() string { return filepath.Join(s.dir, s.name, "net.ml") }

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
