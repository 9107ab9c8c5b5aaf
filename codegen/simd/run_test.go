package simd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

var _ = debug.SetGCPercent(400) // as the command does

// job is one call of a kernel: in the program that the tests build, and in the
// exact evaluator.
type job struct {
	f       *Function
	dims    []int64
	scalars []uint32
	mem     [][]uint64 // of each parameter, physical order
	front   int        // 0: memory ends at a page that must not be touched; n > 0: it begins n-1 elements after one
	want    [][]uint64
}

// fill draws the contents of a parameter. Small numbers with few bits make ties
// and zeros; integers stay in the range that the case allows for indices.
func fill(p *loop.Param, n int, r *rand.Rand, limit int64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		switch p.DType {
		case dim.Float32:
			v := float32(r.NormFloat64())
			switch r.Uint32() % 16 {
			case 0:
				v = float32(int(r.Uint32()%7)) - 3
			case 1:
				v = 0
			}
			out[i] = uint64(math.Float32bits(v))
		case dim.BFloat16:
			out[i] = uint64(math.Float32bits(float32(r.NormFloat64())) >> 16)
		case dim.Bool:
			out[i] = uint64(r.Uint32() % 2)
		case dim.Uint8:
			out[i] = uint64(r.Uint32() % 256)
		default:
			out[i] = uint64(r.Int64N(max(limit, 1)))
		}
	}
	return out
}

const testSeed = 0x1234567

// newJob draws data and computes the expected result.
func newJob(t *testing.T, f *Function, dims []int64, seed uint64, limit int64, front int) *job {
	t.Helper()
	k := f.Kernel
	r := rand.New(rand.NewPCG(seed, 7))
	j := &job{f: f, dims: dims, front: front}
	env := map[string]int64{}
	for i, d := range k.Dims {
		env[d] = dims[i]
	}
	prog := &loop.Program{Name: "T", Kernels: []*loop.Kernel{k}}
	fn := &loop.Func{Name: "f", Kind: "forward"}
	call := &loop.Call{Kernel: k}
	for i, p := range k.Params {
		shape := make([]dim.Dim, len(p.Shape))
		for a, d := range p.Shape {
			n, err := d.Eval(env)
			if err != nil {
				t.Fatal(err)
			}
			shape[a] = dim.Const(n)
		}
		v := &loop.Var{Name: p.Name, Kind: "buffer", DType: p.DType, Shape: shape, Layout: p.Layout}
		b := &loop.Buffer{ID: i + 1, Name: p.Name, Kind: loop.Stored, DType: p.DType, Shape: shape, Layout: p.Layout, Var: v, Slot: -1}
		prog.Vars, fn.Buffers = append(prog.Vars, v), append(fn.Buffers, b)
		call.Args = append(call.Args, loop.Arg{Buffer: b})
	}
	for _, n := range dims {
		call.Dims = append(call.Dims, dim.Const(n))
	}
	for i, s := range k.Scalars {
		v := loop.Scalar{Name: s.Name, DType: s.DType, Expr: scalar.Num(1.5 + float64(i))}
		bits := uint64(math.Float32bits(1.5 + float32(i)))
		if s.DType != dim.Float32 {
			v.Name, bits = "seed0", testSeed
		}
		fn.Scalars = append(fn.Scalars, v)
		j.scalars = append(j.scalars, uint32(bits))
	}
	for i := range fn.Scalars {
		call.Scalars = append(call.Scalars, &fn.Scalars[i])
	}
	for _, c := range k.Counters {
		call.Counters = append(call.Counters, &loop.For{Name: c})
	}
	fn.Body = []loop.Step{call}
	prog.Funcs = []*loop.Func{fn}
	m, err := eval.NewExact(prog)
	if err != nil {
		t.Fatal(err)
	}
	m.Seed = testSeed
	for i, p := range k.Params {
		data := fill(p, len(m.Vars[prog.Vars[i]]), r, limit)
		j.mem = append(j.mem, append([]uint64(nil), data...))
		copy(m.Vars[prog.Vars[i]], data)
	}
	if _, err := m.Run(fn, nil); err != nil {
		t.Fatalf("%s: %v", k.Name, err)
	}
	for _, v := range prog.Vars {
		j.want = append(j.want, m.Vars[v])
	}
	return j
}

const runner = `package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"syscall"
	"unsafe"
)

const page = 4096

var mapped [][]byte // of the present job

// guarded returns n bytes between two pages that must not be touched: at the end
// of the space, or front-1 elements after its start.
func guarded(n, size, front int) []byte {
	whole := (n + 16*size + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, whole+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	mapped = append(mapped, m)
	for i := range m {
		m[i] = 0xff
	}
	for _, g := range [][]byte{m[:page], m[page+whole:]} {
		if err := syscall.Mprotect(g, syscall.PROT_NONE); err != nil {
			panic(err)
		}
	}
	at := page + whole - n
	if front > 0 {
		at = page + (front-1)*size
	}
	return m[at : at+n : at+n]
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	word := func() int {
		var v int64
		if err := binary.Read(in, binary.LittleEndian, &v); err != nil {
			if err == io.EOF {
				out.Flush()
				os.Exit(0)
			}
			panic(err)
		}
		return int(v)
	}
	for {
		f, front, items := word(), word(), word()
		dims := make([]int, word())
		for i := range dims {
			dims[i] = word()
		}
		scalars := make([]uint32, word())
		for i := range scalars {
			scalars[i] = uint32(word())
		}
		mem := make([][]byte, word())
		ptr := make([]unsafe.Pointer, len(mem))
		for i := range mem {
			size, n := word(), word()
			mem[i] = guarded(size*n, size, front)
			if _, err := io.ReadFull(in, mem[i]); err != nil {
				panic(err)
			}
			ptr[i] = unsafe.Pointer(unsafe.SliceData(mem[i]))
		}
		half := items / 2
		functions[f](ptr, dims, scalars, half, items)
		functions[f](ptr, dims, scalars, 0, half)
		for i := range mem {
			out.Write(mem[i])
		}
		for _, m := range mapped {
			if err := syscall.Munmap(m); err != nil {
				panic(err)
			}
		}
		mapped = mapped[:0]
	}
}
`

// program builds the test program for the functions and returns its path.
func program(t *testing.T, fs []*Function) string {
	t.Helper()
	dir := t.TempDir()
	var decl, table strings.Builder
	decl.WriteString("package main\n\nimport (\n\"math\"\n\"unsafe\"\n)\n\nvar _ = math.Pi\n\n")
	table.WriteString("var functions = []func(p []unsafe.Pointer, d []int, s []uint32, lo, hi int){\n")
	for _, f := range fs {
		fmt.Fprintf(&decl, "//go:noescape\n%s\n\n", f.Signature())
		var args []string
		np, nd, ns := 0, 0, 0
		for _, a := range f.Args {
			switch a.Kind {
			case Pointer:
				args = append(args, fmt.Sprintf("(%s)(p[%d])", a.GoType(), np))
				np++
			case Size:
				args = append(args, fmt.Sprintf("d[%d]", nd))
				nd++
			case Scalar:
				args = append(args, map[string]string{"float32": fmt.Sprintf("math.Float32frombits(s[%d])", ns)}[a.GoType()]+map[string]string{"uint32": fmt.Sprintf("s[%d]", ns)}[a.GoType()])
				ns++
			case Count:
				args = append(args, "0")
			}
		}
		fmt.Fprintf(&table, "\tfunc(p []unsafe.Pointer, d []int, s []uint32, lo, hi int) { %s(%s, lo, hi) },\n", f.Name, strings.Join(args, ", "))
	}
	table.WriteString("}\n")
	for name, text := range map[string]string{
		"go.mod": "module simdtest\n\ngo 1.24\n", "main.go": runner, "decl.go": decl.String() + table.String(),
		"kernels_amd64.s": string(Assembly([]string{"Test kernels."}, "!purego", fs)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if keep := os.Getenv("SIMD_KEEP"); keep != "" {
		_ = os.WriteFile(keep, Assembly(nil, "!purego", fs), 0o644)
	}
	for _, args := range [][]string{{"build", "-o", "run"}, {"vet", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			if len(out) > 4000 {
				out = out[:4000]
			}
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	return filepath.Join(dir, "run")
}

// run calls all jobs in the program and compares every parameter bit for bit;
// NaNs are all one.
func run(t *testing.T, fs []*Function, jobs []*job) {
	t.Helper()
	index := map[*Function]int{}
	for i, f := range fs {
		index[f] = i
	}
	exe := program(t, fs)
	var in bytes.Buffer
	word := func(v int64) { _ = binary.Write(&in, binary.LittleEndian, v) }
	for _, j := range jobs {
		env := map[string]int64{}
		for i, d := range j.f.Kernel.Dims {
			env[d] = j.dims[i]
		}
		items, err := j.f.Items.Eval(env)
		if err != nil {
			t.Fatal(err)
		}
		word(int64(index[j.f]))
		word(int64(j.front))
		word(items)
		word(int64(len(j.dims)))
		for _, d := range j.dims {
			word(d)
		}
		word(int64(len(j.scalars)))
		for _, s := range j.scalars {
			word(int64(s))
		}
		word(int64(len(j.mem)))
		for i, p := range j.f.Kernel.Params {
			size := p.DType.Size()
			word(int64(size))
			word(int64(len(j.mem[i])))
			for _, v := range j.mem[i] {
				in.Write(binary.LittleEndian.AppendUint64(nil, v)[:size])
			}
		}
	}
	cmd := exec.Command(exe)
	cmd.Stdin = &in
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		text := errs.String()
		if len(text) > 1500 {
			text = text[:1500]
		}
		t.Errorf("the program failed: %v\n%s", err, text)
	}
	for _, j := range jobs {
		if n := j.compare(t, out); n < 0 {
			return
		} else {
			out = out[n:]
		}
	}
}

// compare checks a job's part of the output and returns its length, or -1 at the end.
func (j *job) compare(t *testing.T, out []byte) int {
	t.Helper()
	at, reported := 0, false
	for i, p := range j.f.Kernel.Params {
		size := p.DType.Size()
		for e, want := range j.want[i] {
			if at+size > len(out) {
				t.Errorf("%s %v: no output", j.f.Name, j.dims)
				return -1
			}
			var b [8]byte
			copy(b[:], out[at:at+size])
			got := binary.LittleEndian.Uint64(b[:])
			want &= 1<<(8*size-1)<<1 - 1
			at += size
			if got == want || reported || p.DType == dim.Float32 && isNaN32(got) && isNaN32(want) {
				continue
			}
			reported = true
			t.Errorf("%s dims %v front %d: %s[%d] = %#x (%v), want %#x (%v)", j.f.Name, j.dims, j.front, p.Name, e, got,
				math.Float32frombits(uint32(got)), want, math.Float32frombits(uint32(want)))
		}
	}
	return at
}

func isNaN32(b uint64) bool { return b&0x7fffffff > 0x7f800000 }
