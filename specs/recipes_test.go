package specs_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/internal/refdata"
)

const recipeFolder = "../examples/recipes"

// recipes are the networks of examples/recipes at sizes that train in a test.
var recipes = []spec{
	{name: "anomaly", rate: 5},
	{name: "chargpt", small: map[string]string{"vocab": "20", "dim": "16"}, ranges: map[string][2]int{"tokens": {0, 20}, "targets": {0, 20}}},
	{name: "detect", small: map[string]string{"classes": "3", "width": "4", "grid": "2"},
		edits:  map[string][][2]string{recipeFolder + "/detect/net.ml": {{"64, 64", "16, 16"}}},
		ranges: map[string][2]int{"target_scores": {0, 1}, "has_object": {0, 1}}, rate: 5},
	{name: "diffusion", small: map[string]string{"pixels": "10", "hidden": "16"}, dims: map[string]int64{"batch": 32}, rate: 10},
	{name: "distill", small: map[string]string{"large": "32"}, ranges: map[string][2]int{"labels": {0, 10}}},
	{name: "forecast", small: map[string]string{"days": "6"}},
	{name: "graph", dims: map[string]int64{"nodes": 6}, ranges: map[string][2]int{"labels": {-1, 4}, "adjacency": {0, 1}}},
	{name: "lora", small: map[string]string{"hidden": "16"}, ranges: map[string][2]int{"labels": {0, 10}}},
	{name: "private", small: map[string]string{"hidden": "8"}, ranges: map[string][2]int{"labels": {0, 10}},
		edits: map[string][][2]string{recipeFolder + "/private/net.ml": {{"lot = 64, noise = 0.8", "lot = 2, noise = 0.01"}}}},
	{name: "recommend", small: map[string]string{"users": "5", "items": "7"}, ranges: map[string][2]int{"user": {0, 5}, "item": {0, 7}}},
	{name: "saliency", small: map[string]string{"hidden": "16"}, ranges: map[string][2]int{"labels": {0, 10}, "classes_asked": {0, 10}}},
	{name: "similar", small: map[string]string{"dim": "8"}, edits: map[string][][2]string{recipeFolder + "/similar/net.ml": {{"28, 28", "8, 8"}}}, rate: 3},
	{name: "spam", small: map[string]string{"vocab": "30", "dim": "8"}, ranges: map[string][2]int{"tokens": {1, 30}, "lengths": {3, 9}}},
	{name: "spoken", small: map[string]string{"mels": "6", "hidden": "8"}, ranges: map[string][2]int{"lengths": {3, 9}, "labels": {0, 10}}},
	{name: "tagger", small: map[string]string{"vocab": "30", "dim": "8", "hidden": "8"}, ranges: map[string][2]int{"tokens": {1, 30}, "lengths": {3, 9}, "labels": {0, 17}}},
	{name: "translate", small: map[string]string{"source_vocab": "20", "target_vocab": "22", "dim": "16", "heads": "2", "layers": "1"},
		dims: map[string]int64{"source_time": 7, "target_time": 5}, ranges: map[string][2]int{"source": {1, 20}, "target": {1, 22}, "next": {1, 22}}, rate: 5000, zero: []string{"k_proj.bias"}},
}

// recipe returns the jobs of a recipe's train blocks after checking that lint
// finds nothing and that its package can be generated.
func recipe(t *testing.T, s spec) (all []trained) {
	t.Helper()
	if _, diags, err := compiler.Lint(compiler.Options{File: s.file()}); err != nil || len(diags) > 0 {
		t.Fatalf("lint finds %v, %v", diags, err)
	}
	r, diags, err := compiler.Compile(s.smallOptions(t))
	if err != nil || diags.HasErrors() {
		t.Fatal(diags, err)
	}
	if _, err := codegen.Generate(r.Loop, codegen.Options{Package: s.name, NoAssembly: true}); err != nil {
		t.Fatal(err)
	}
	for _, e := range r.IR.Entries {
		if e.Kind == ir.Train {
			all = append(all, trained{s, e.Name, s.newJob(t, e, len(all))})
		}
	}
	return all
}

// TestRecipes checks every network of examples/recipes and trains it for ten
// steps in the evaluator: its losses must be finite and fall.
func TestRecipes(t *testing.T) {
	folders, err := os.ReadDir(recipeFolder)
	if err != nil || len(folders) != len(recipes) {
		t.Errorf("%d recipes, of which %d are tested: %v", len(folders), len(recipes), err)
	}
	for _, s := range recipes {
		s.dir = recipeFolder
		t.Run(s.name, func(t *testing.T) {
			for _, x := range recipe(t, s) {
				m, _ := x.evaluator(t)
				if err := m.Initialize(); err != nil {
					t.Fatal(err)
				}
				e := m.Entry(ir.Train, x.entry)
				var losses []float64
				for range x.job.Steps {
					out, err := m.Run(e, x.inputs(e)...)
					if err != nil {
						t.Fatal(err)
					}
					losses = append(losses, out[0].Data[0])
					if loss := losses[len(losses)-1]; math.IsNaN(loss) || math.IsInf(loss, 0) {
						t.Fatalf("%s: losses %v", x.entry, losses)
					}
					m.Step++
				}
				if !(losses[len(losses)-1] < losses[0]) {
					t.Errorf("%s: the losses do not fall: %.5g", x.entry, losses)
				}
			}
		})
	}
}

// TestLongRecipes trains the recipes in generated Go.
func TestLongRecipes(t *testing.T) {
	refdata.Long(t)
	var list []spec
	for _, s := range recipes {
		s.dir = filepath.ToSlash(recipeFolder)
		list = append(list, s)
	}
	trainAll(t, list)
}
