package pass

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mlc-go/mlc/compiler/loop"
)

// TestLoopPassDumps runs one pass over the loop IR on each file of
// testdata/<pass>; -update rewrites what it left.
func TestLoopPassDumps(t *testing.T) {
	passes := map[string]func(*loop.Program) error{"layout": layout, "pack": pack, "tile": tile, "skip": skip, "absorb": absorb, "split": split, "rename": rename, "plan": plan}
	for _, name := range []string{"layout", "pack", "tile", "skip", "absorb", "split", "rename", "plan"} {
		files, err := filepath.Glob("testdata/" + name + "/*.txtar")
		if err != nil || len(files) == 0 {
			t.Errorf("pass %s has no test files: %v", name, err)
		}
		for _, file := range files {
			t.Run(name+"/"+filepath.Base(file), func(t *testing.T) {
				ar, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				p, err := loop.Parse(string(ar.Files[0].Data))
				if err != nil {
					t.Fatal(err)
				}
				if err := loop.Verify(p); err != nil {
					t.Fatalf("the input: %v", err)
				}
				if err := passes[name](p); err != nil {
					t.Fatal(err)
				}
				if err := loop.Verify(p); err != nil {
					t.Fatal(err)
				}
				got := loop.Print(p)
				if *update {
					ar.Files = append(ar.Files[:1], txtar.File{Name: "out", Data: []byte(got)})
					if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if want := string(ar.Files[1].Data); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}
