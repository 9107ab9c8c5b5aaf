package build_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/dsl/diag"
)

const library = "edition 1\nblock Twice() {\n    input x [...]\n    output 2 * x\n}\n"

func user(imports, use string) string {
	return "edition 1\n" + imports + "\nmodel M() {\n    input x float32[batch]\n    output x -> " + use + "\n}\n"
}

// TestImports loads files relative to the importing one, by name and by alias.
func TestImports(t *testing.T) {
	files := fstest.MapFS{
		"a/net.ml":     {Data: []byte(user("import \"../lib/twice.ml\"\nimport other \"deep/more.ml\"", "twice.Twice -> other.Four"))},
		"lib/twice.ml": {Data: []byte(library)},
		"a/deep/more.ml": {Data: []byte("edition 1\nimport \"../../lib/twice.ml\"\nblock Four() {\n    input x [...]\n" +
			"    output x -> twice.Twice -> twice.Twice\n}\n")},
	}
	p, info, diags, err := build.Build(build.Options{File: "a/net.ml", FS: files})
	if err != nil || p == nil || len(diags) > 0 {
		t.Fatalf("%v %v", err, diags)
	}
	if have := strings.Join(info.Files, " "); have != "a/net.ml lib/twice.ml a/deep/more.ml" {
		t.Errorf("files %s", have)
	}
}

// TestImportErrors gives one positioned error for each import that cannot be.
func TestImportErrors(t *testing.T) {
	many := fstest.MapFS{}
	imports := ""
	for i := range 70 {
		many[fmt.Sprintf("f%d.ml", i)] = &fstest.MapFile{Data: []byte(library)}
		imports += fmt.Sprintf("import \"f%d.ml\"\n", i)
	}
	many["net.ml"] = &fstest.MapFile{Data: []byte(user(imports, "f0.Twice"))}
	one := func(src string, more ...string) fstest.MapFS {
		m := fstest.MapFS{"net.ml": {Data: []byte(src)}}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
		}
		return m
	}
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		code  diag.Code
		text  string
	}{
		{"missing", one(user(`import "no.ml"`, "no.Twice")), diag.ImportMissing, `there is no file "no.ml"`},
		{"outside", one(user(`import "../../x.ml"`, "x.Twice")), diag.ImportOutside, "leaves the module"},
		{"absolute", one(user(`import "/etc/x.ml"`, "x.Twice")), diag.ImportOutside, "leaves the module"},
		{"url", one(user(`import "https://example.com/x.ml"`, "x.Twice")), diag.ImportOutside, "leaves the module"},
		{"self", one(user(`import self "net.ml"`, "self.M")), diag.ImportCycle, "net.ml imports net.ml"},
		{"cycle", one(user(`import "a.ml"`, "a.Twice"), "a.ml", "edition 1\nimport \"b.ml\"\n"+library[10:], "b.ml", "edition 1\nimport \"a.ml\"\n"+library[10:]),
			diag.ImportCycle, "a.ml imports b.ml imports a.ml"},
		{"many", many, diag.TooManyImports, "more than 64"},
		{"twice", one(user("import \"a.ml\"\nimport a \"a.ml\"", "a.Twice"), "a.ml", library), diag.DuplicateName, "two imports are called a"},
		{"no such block", one(user(`import "a.ml"`, "a.Twiec"), "a.ml", library), diag.ImportedDeclaration, "declares no Twiec"},
		{"syntax", one(user(`import "a.ml"`, "a.Twice"), "a.ml", "edition 1\nblock {"), diag.Unexpected, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, info, diags, err := build.Build(build.Options{File: "net.ml", FS: c.files})
			if err != nil || p != nil || !diags.HasErrors() {
				t.Fatalf("%v %v", err, diags)
			}
			d := diags[0]
			for _, x := range diags {
				if x.Code == c.code {
					d = x
				}
			}
			if c.code != diag.Unexpected && (d.Code != c.code || !strings.Contains(d.Message, c.text)) {
				t.Errorf("%v, want %s %q", diags, c.code, c.text)
			}
			if info.Sources[d.Primary.Span.File] == nil || d.Primary.Span.End <= d.Primary.Span.Start {
				t.Errorf("%v stands at %+v", d, d.Primary.Span)
			}
		})
	}
}

// TestModuleRoot reads files of a module's directory tree and nothing above it,
// not even through a link.
func TestModuleRoot(t *testing.T) {
	dir := t.TempDir()
	write := func(name, src string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("outside.ml", library)
	write("module/go.mod", "module m\n")
	write("module/lib.ml", library)
	write("module/nets/net.ml", user(`import "../lib.ml"`, "lib.Twice"))
	file := filepath.Join(dir, "module/nets/net.ml")
	if p, _, diags, err := build.Build(build.Options{File: file}); err != nil || p == nil {
		t.Fatalf("%v %v", err, diags)
	}
	write("module/nets/net.ml", user(`import "../../outside.ml"`, "outside.Twice"))
	if _, _, diags, err := build.Build(build.Options{File: file}); err != nil || !hasCode(diags, diag.ImportOutside) {
		t.Errorf("%v %v", err, diags)
	}
	if err := os.Symlink(filepath.Join(dir, "outside.ml"), filepath.Join(dir, "module/link.ml")); err != nil {
		t.Skip("no symbolic links here")
	}
	write("module/nets/net.ml", user(`import "../link.ml"`, "link.Twice"))
	if _, _, diags, err := build.Build(build.Options{File: file}); err != nil || !hasCode(diags, diag.ImportOutside) {
		t.Errorf("%v %v", err, diags)
	}
	if _, _, _, err := build.Build(build.Options{File: filepath.Join(dir, "module/none.ml")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing model gives %v", err)
	}
}

func hasCode(l diag.List, code diag.Code) bool {
	for _, d := range l {
		if d.Code == code {
			return true
		}
	}
	return false
}

// TestSet overrides arguments by literals of the same kind.
func TestSet(t *testing.T) {
	const src = `edition 1
model M(n = 4, rate = 0.5, wide = false, mode = "a", sizes = [1, 2]) {
    input x float32[batch, n]
    assert mode == "a" || mode == "b"
    output x * rate * sizes[0] -> fc: linear(select(wide, 100, n))
}
`
	run := func(set map[string]string) (string, diag.List) {
		p, _, diags, err := build.Build(build.Options{File: "net.ml", FS: fstest.MapFS{"net.ml": {Data: []byte(src)}}, Set: set})
		if err != nil {
			t.Fatal(err)
		}
		if p == nil {
			return "", diags
		}
		s := ""
		for _, a := range p.Args {
			s += a.Name + "=" + a.Value + " "
		}
		return s, diags
	}
	have, _ := run(map[string]string{"n": "8", "wide": "true", "mode": "b", "sizes": "[3]", "rate": "1e-1"})
	if want := `n=8 rate=0.1 wide=true mode="b" sizes=[3] `; have != want {
		t.Errorf("arguments %s, want %s", have, want)
	}
	for _, set := range []map[string]string{{"m": "8"}, {"n": "true"}, {"n": "x"}, {"n": "8 + "}, {"wide": "1"}, {"n": "\"8\""}, {"sizes": "3"}} {
		if have, diags := run(set); have != "" || !hasCode(diags, diag.BadOverride) {
			t.Errorf("%v gives %s %v", set, have, diags)
		}
	}
}
