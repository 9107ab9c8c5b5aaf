package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl/diag"
)

// spec builds one of the example specs.
func spec(t testing.TB, name string, set map[string]string) (*ir.Program, *build.Info) {
	t.Helper()
	p, info, diags, err := build.Build(build.Options{File: filepath.Join("..", "..", "specs", name, "net.ml"), Set: set})
	if err != nil {
		t.Fatal(err)
	}
	if p == nil || diags.HasErrors() {
		var b strings.Builder
		if err := diag.Render(&b, "text", diags, info.Sources, diag.RenderOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("%s: %d diagnostics\n%s", name, len(diags), b.String())
	}
	for _, d := range diags {
		t.Logf("%s: %v", name, d)
	}
	return p, info
}

// TestSpecs builds the example specs. The counts are those of the language's
// design, from torchvision, Hugging Face and hand computation.
func TestSpecs(t *testing.T) {
	for _, s := range []struct {
		name       string
		tensors    int
		parameters int64
	}{
		{"mlp", 4, 101_770}, {"lenet", 10, 61_706}, {"resnet18", 62, 11_689_512}, {"unet", 64, 31_037_698}, {"vae", 10, 652_824},
		{"lstm", 19, 4_928_514}, {"gpt", 148, 124_475_904}, {"llama", 146, 1_235_814_400}, {"vit", 200, 86_567_656},
		{"dqn", 12, 34_820}, {"actor_critic", 8, 69_381}, {"gan", 14, 1_920_066}, {"clip", 350, 151_277_057},
		{"ctc", 44, 17_760_765}, {"custom", 8, 1_185},
	} {
		t.Run(s.name, func(t *testing.T) {
			p, info := spec(t, s.name, nil)
			tensors := 0
			for _, v := range p.Vars {
				if v.Kind == ir.Param {
					tensors++
				}
			}
			if tensors != s.tensors || info.Parameters != s.parameters {
				t.Errorf("%d tensors with %d parameters, want %d with %d", tensors, info.Parameters, s.tensors, s.parameters)
			}
			if err := ir.Verify(p); err != nil {
				t.Error(err)
			}
			if _, _, found, err := build.Build(build.Options{File: filepath.Join("..", "..", "specs", s.name, "net.ml"), Check: true}); err != nil || found.HasErrors() {
				t.Errorf("the quick check finds %v, %v", found, err)
			}
			if os.Getenv("MLC_PRINT") != "" {
				t.Log("\n" + ir.Print(p))
			}
		})
	}
}
