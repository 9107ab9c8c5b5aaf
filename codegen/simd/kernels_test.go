package simd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/loop"
)

// TestKernels runs every kernel of testdata for both targets against the exact
// evaluator, between pages that must not be touched. A line
//
//	doc "... sizes 1,3 2,7 limit 5"
//
// of a kernel lists the values of its dims and the bound of index data; with
// "lengths" its one dim takes every value from 0 to 257, at all offsets.
func TestKernels(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no kernels in testdata")
	}
	var fs []*Function
	var jobs []*job
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := loop.Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, k := range prog.Kernels {
			for _, target := range []Target{AVX512, AVX2} {
				f, reason := Lower(k, target)
				if f == nil {
					t.Errorf("%s: %s is not covered: %s", name, k.Name, reason)
					continue
				}
				fs = append(fs, f)
				jobs = append(jobs, casesOf(t, f)...)
			}
		}
	}
	if !t.Failed() || len(fs) > 0 {
		run(t, fs, jobs)
	}
}

// casesOf reads the sizes in a kernel's doc.
func casesOf(t *testing.T, f *Function) []*job {
	if f.Kernel.Doc == "lengths" {
		return lengths(t, f)
	}
	_, list, _ := strings.Cut(f.Kernel.Doc, "sizes ")
	list, bound, _ := strings.Cut(list, "limit ")
	limit, _ := strconv.ParseInt(strings.TrimSpace(bound), 10, 64)
	sizes := [][]int64{}
	for _, word := range strings.Fields(list) {
		var dims []int64
		for _, s := range strings.Split(word, ",") {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				t.Fatalf("%s: sizes %q", f.Kernel.Name, list)
			}
			dims = append(dims, n)
		}
		sizes = append(sizes, dims)
	}
	if len(sizes) == 0 {
		sizes = [][]int64{nil}
	}
	var jobs []*job
	for i, dims := range sizes {
		jobs = append(jobs, newJob(t, f, dims, uint64(i+1), limit, 0), newJob(t, f, dims, uint64(i+1), limit, 1+(5*i+3)%16))
	}
	return jobs
}

// lengths are the jobs of a kernel whose dim takes every value from 0 to 257: at
// the end of memory, and at a distance from its start that runs through 0 to 15.
func lengths(t *testing.T, f *Function) []*job {
	var jobs []*job
	for n := range int64(258) {
		jobs = append(jobs, newJob(t, f, []int64{n}, uint64(n), 1, 0), newJob(t, f, []int64{n}, uint64(n), 1, 1+int(n%16)))
		if n < 40 {
			for front := 1; front <= 16; front += 3 {
				jobs = append(jobs, newJob(t, f, []int64{n}, uint64(n), 1, front))
			}
		}
	}
	return jobs
}
