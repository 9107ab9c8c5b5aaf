package simd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/loop"
)

// farKernels read rows that are so far from each other that the distance of rows of
// a tile does not fit into an instruction, and in the last one that of lanes not
// into their indices.
const farKernels = `program Far "f.ml"

kernel farProduct {
  dims n
  param x f32[n, 100000000] read
  param w f32[4, 32] read
  param z f32[n, 32] write
  space (r < n, c < 32)
  contract (k < 4) {
    acc f32 = x[r, k] * w[k, c]
  }
  map () {
    store z[r, c] = acc
  }
}

kernel farColumn {
  param x f32[40, 50000000] read
  param z f32[40] write
  space (r < 40)
  map () {
    store z[r] = add(x[r, 1], x[r, 2])
  }
}

kernel farBlock {
  param x f32[40, 50000000] read
  param z f32[20, 40] write
  space (c < 20, r < 40)
  map () {
    store z[c, r] = x[r, c]
  }
}

kernel tooFar {
  param x f32[40, 100000000] read
  param z f32[40] write
  space (r < 40)
  map () {
    store z[r] = x[r, 1]
  }
}
`

// farProgram calls the others with mapped memory, of which few pages are touched.
const farProgram = `package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func main() {
	const n, far, near = 13, 100_000_000, 50_000_000 // numbers in a row
	m, err := syscall.Mmap(-1, 0, 40*near*4, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		panic(err)
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(&m[0])), 40*near)
	var w [4 * 32]float32
	for i := range w {
		w[i] = float32(i % 7)
	}
	for r := range n {
		for k := range 4 {
			x[r*far+k] = float32(r + k)
		}
	}
	for name, f := range products {
		var z [n * 32]float32
		f(&x[0], &w[0], &z[0], n)
		for i, v := range z {
			want := float32(0)
			for k := range 4 {
				want += x[i/32*far+k] * w[k*32+i%32]
			}
			if v != want {
				fmt.Println(name, i, v, want)
				os.Exit(1)
			}
		}
	}
	for r := range 40 {
		x[r*near+1], x[r*near+2] = float32(r+1), float32(r+2)
	}
	for name, f := range columns {
		var z [40]float32
		f(&x[0], &z[0])
		for r, v := range z {
			if want := float32(2*r + 3); v != want {
				fmt.Println(name, r, v, want)
				os.Exit(1)
			}
		}
	}
	for r := range 40 {
		for c := range 20 {
			x[r*near+c] = float32(100*r + c)
		}
	}
	for name, f := range blocks {
		var z [20 * 40]float32
		f(&x[0], &z[0])
		for i, v := range z {
			if want := float32(100*(i%40) + i/40); v != want {
				fmt.Println(name, i, v, want)
				os.Exit(1)
			}
		}
	}
}
`

// TestFarRows runs those that have assembly.
func TestFarRows(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !strings.Contains(string(info), "avx2") {
		t.Skip("needs a machine with AVX2")
	}
	prog, err := loop.Parse(farKernels)
	if err != nil {
		t.Fatal(err)
	}
	targets := []Target{AVX2, AVX512}
	if !strings.Contains(string(info), "avx512dq") {
		targets = targets[:1]
	}
	var fs []*Function
	var decl, products, columns, blocks strings.Builder
	for _, target := range targets {
		for _, k := range prog.Kernels {
			f, reason := Lower(k, target)
			if (f == nil) != (k.Name == "tooFar") {
				t.Fatalf("%s: %s", k.Name, reason)
			}
			if f == nil {
				continue
			}
			fs = append(fs, f)
			fmt.Fprintf(&decl, "//go:noescape\n%s\n\n", f.Signature())
			if k.Name == "farProduct" {
				items, err := f.Items.Eval(map[string]int64{"n": 13})
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&products, "\t%q: func(x, w, z *float32, n int) { %s(x, w, z, n, 0, %d) },\n", f.Name, f.Name, items)
			} else {
				items, _ := f.Items.Int()
				list := &columns
				if k.Name == "farBlock" {
					list = &blocks
				}
				fmt.Fprintf(list, "\t%q: func(x, z *float32) { %s(x, z, 0, %d) },\n", f.Name, f.Name, items)
			}
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module far\n\ngo 1.26\n", "main.go": farProgram, "kernels_amd64.s": string(Assembly(nil, "!purego", fs)),
		"functions.go": "package main\n\nvar products = map[string]func(x, w, z *float32, n int){\n" + products.String() + "}\n\nvar columns = map[string]func(x, z *float32){\n" + columns.String() + "}\n\nvar blocks = map[string]func(x, z *float32){\n" + blocks.String() + "}\n\n" + decl.String(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%.3000s", err, out)
	}
}
