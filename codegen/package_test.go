package codegen_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// classifier is a program with an entry and a train block over the same weights.
func classifier(t *testing.T) *loop.Program {
	t.Helper()
	return compiled(t, "testdata/classifier/net.ml", nil)
}

// TestPackage runs a test of the whole API inside a generated package, with the
// race detector where there is a C compiler.
func TestPackage(t *testing.T) {
	l := newLab(t)
	l.add("mlp", classifier(t))
	api, err := os.ReadFile("testdata/api_test.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	l.write("mlp/api_test.go", string(api))
	args := []string{"test", "./mlp"}
	if out, err := l.goCommand(nil, args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := exec.LookPath("gcc"); err == nil {
		if out, err := l.goCommand([]string{"CGO_ENABLED=1"}, "test", "-race", "-run", "TestHolder|TestStep", "./mlp"); err != nil {
			t.Fatalf("with -race: %v\n%s", err, out)
		}
	}
}

// TestTargets vets the package for every kind of machine that it promises, and
// without training.
func TestTargets(t *testing.T) {
	l := newLab(t)
	l.add("mlp", classifier(t))
	for _, target := range []string{"linux/amd64", "windows/amd64", "darwin/arm64", "linux/386", "js/wasm"} {
		goos, goarch, _ := strings.Cut(target, "/")
		if out, err := l.goCommand([]string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}, "build", "./mlp"); err != nil {
			t.Errorf("%s: %v\n%s", target, err, out)
		}
	}
	if out, err := l.goCommand(nil, "vet", "-tags", "mlc_infer", "./mlp"); err != nil {
		t.Errorf("without training: %v\n%s", err, out)
	}
	if tool, err := exec.LookPath("staticcheck"); err == nil {
		cmd := exec.Command(tool, "./mlp")
		cmd.Dir = l.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("staticcheck: %v\n%s", err, out)
		}
	}
}

// TestBoundsChecks shows that the unrolled inner loops have no bounds check left:
// the compiler lists every check that it keeps.
func TestBoundsChecks(t *testing.T) {
	l := newLab(t)
	l.add("mlp", classifier(t))
	out, err := l.goCommand(nil, "build", "-gcflags=github.com/mlc-go/mlc/runtime=-d=ssa/check_bce", "./mlp")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checks := map[string]bool{} // file:line
	for _, m := range regexp.MustCompile(`(?m)(\w+\.go:\d+):\d+: Found`).FindAllStringSubmatch(out, -1) {
		checks[m[1]] = true
	}
	if len(checks) == 0 {
		t.Fatalf("the compiler reported nothing: %s", out)
	}
	unrolled := map[string]int{}
	text, err := os.ReadFile("../runtime/tile.go")
	if err != nil {
		t.Fatal(err)
	}
	name, inside := "", false
	for i, line := range strings.Split(string(text), "\n") {
		if m := regexp.MustCompile(`^func (tile\w+)`).FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		switch {
		case line == "}":
			name, inside = "", false
		case name != "" && strings.HasPrefix(line, "\tfor "):
			inside = true
		case line == "\t}":
			inside = false
		}
		if !inside {
			continue
		}
		if strings.Contains(line, "Wide(c") {
			unrolled[name]++
		}
		if checks["tile.go:"+strconv.Itoa(i+1)] {
			t.Errorf("%s: bounds check in line %d: %s", name, i+1, line)
		}
	}
	if unrolled["tile2x4"] != 8 || unrolled["tile1x4"] != 4 {
		t.Errorf("multiply-adds in the inner loops: %v, want 8 and 4", unrolled)
	}
}

// TestReproducible generates twice, from the text and from what was read of it.
func TestReproducible(t *testing.T) {
	a, err := codegen.Generate(classifier(t), codegen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := codegen.Generate(classifier(t), codegen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if a[i].Name != b[i].Name || !bytes.Equal(a[i].Data, b[i].Data) {
			t.Errorf("%s differs from %s of the second run", a[i].Name, b[i].Name)
		}
	}
}

// TestForwardOnly leaves training out.
func TestForwardOnly(t *testing.T) {
	files, err := codegen.Generate(classifier(t), codegen.Options{ForwardOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(f.Name, "train") || bytes.Contains(f.Data, []byte("Trainer struct")) {
			t.Errorf("%s is about training", f.Name)
		}
	}
}

// TestHostileText puts hostile text wherever a model's author can write some. The
// generator itself compares imports, declarations and directives of its output
// with what it meant, so it is enough that it succeeds.
func TestHostileText(t *testing.T) {
	for _, s := range []string{
		"*/ func init() { panic(1) } /*", "\n//go:linkname x y\n", "\r//export f", "\u2028import \"C\"", "\n}\nfunc init() {}\n",
		"`", "\"", "\\", "\x00", "//line x.go:1", "%s%d", "\u202e",
	} {
		p := classifier(t)
		p.Name, p.Doc, p.File = "Net "+s, s, "n"+s+".ml"
		p.Args = []loop.NamedText{{Name: s, Text: s}}
		for _, k := range p.Kernels {
			k.Doc = s
			k.Origins = []loop.Origin{{Line: 3, File: s, Label: s}}
		}
		for _, f := range p.Funcs {
			f.Doc = s
			for _, b := range f.Inputs {
				b.Name = "in" + s
				b.Origin.Label = s
			}
			f.Checks = append(f.Checks, loop.Check{Cond: truth, Message: s})
		}
		files, err := codegen.Generate(p, codegen.Options{Package: "net"})
		if err != nil {
			t.Errorf("%q: %v", s, err)
		}
		for _, f := range files {
			if strings.ContainsAny(f.Name, "/\\ \n") {
				t.Errorf("%q: file name %q", s, f.Name)
			}
		}
	}
}

// TestCollision refuses two stored tensors that would share a field.
func TestCollision(t *testing.T) {
	p := classifier(t)
	p.Vars[0].Name, p.Vars[1].Name = "fc1.weight", "fc1_weight"
	if _, err := codegen.Generate(p, codegen.Options{}); err == nil || !strings.Contains(err.Error(), "fc1Weight") {
		t.Errorf("error %v, want one that names fc1Weight", err)
	}
}

// TestEmbedded compiles weights into the package, which uses a copy of the
// runtime, as a package without dependencies does.
func TestEmbedded(t *testing.T) {
	l := newLab(t)
	p := classifier(t)
	l.addWith(codegen.Options{Package: "mlp", Embed: true, RuntimePath: "lab/mlrt"}, p)
	sources, err := filepath.Glob("../runtime/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sources {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			l.write(filepath.Join("mlrt", filepath.Base(f)), string(data))
		}
	}
	var list []mlrt.Stored
	for i, v := range infos(p) {
		if v.Kind != "param" {
			continue
		}
		n, _ := dim.Product(v.Shape).Int()
		data := make([]float32, n)
		for k := range data {
			data[k] = float32(i + 1)
		}
		s := mlrt.Stored{Name: v.Name, DType: mlrt.Float32, Data: data}
		for _, d := range v.Shape {
			size, _ := d.Int()
			s.Shape = append(s.Shape, int(size))
		}
		list = append(list, s)
	}
	var file bytes.Buffer
	if err := mlrt.WriteFile(&file, nil, list); err != nil {
		t.Fatal(err)
	}
	l.write(filepath.Join("mlp", codegen.WeightsFile(p.File)), file.String())
	l.write("mlp/embedded_test.go", `package mlp

import "testing"

func TestEmbedded(t *testing.T) {
	m, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if m.fc1Bias[0] != 2 || m.fc2Bias[9] != 4 {
		t.Errorf("biases %v and %v, want 2 and 4", m.fc1Bias[0], m.fc2Bias[9])
	}
}
`)
	l.write("go.mod", "module lab\n\ngo 1.26\n")
	if out, err := l.goCommand(nil, "test", "./mlp"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
