package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/codegen/simd"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// kernelReport describes what a package is made of: its kernels with their
// calls, model lines and tiles, the arenas, and the size of the code.
func kernelReport(p *loop.Program, files []outFile) string {
	var s strings.Builder
	calls := map[*loop.Kernel]int{}
	for _, f := range p.Funcs {
		countCalls(f.Body, calls)
	}
	width := len("kernel")
	for _, k := range p.Kernels {
		width = max(width, len(k.Name))
	}
	fmt.Fprintf(&s, "%s: %s\n\n  %-*s  calls  line  phases\n", p.Name, plural(len(p.Kernels), "kernel"), width, "kernel")
	plain := 0
	for _, k := range p.Kernels {
		line := "-"
		if len(k.Origins) > 0 && k.Origins[0].Line > 0 {
			line = fmt.Sprint(k.Origins[0].Line)
		}
		fmt.Fprintf(&s, "  %-*s  %5d  %4s  %s\n", width, k.Name, calls[k], line, phasesOf(k))
		if len(k.Parts) == 0 && !targetRows(&s, k) {
			plain++
		}
	}
	fmt.Fprintf(&s, "\n  in plain Go on amd64: %d of %d\n", plain, len(p.Kernels))
	for _, f := range p.Funcs {
		fmt.Fprintf(&s, "  arena of %s %s: %s\n", f.Kind, f.Name, arenaOf(f))
		if own := localsOf(f); own != "" {
			fmt.Fprintf(&s, "  and for each thread: %s\n", own)
		}
	}
	goBytes, asmBytes := 0, 0
	for _, f := range files {
		if strings.HasSuffix(f.path, ".s") {
			asmBytes += len(f.text)
		} else {
			goBytes += len(f.text)
		}
	}
	fmt.Fprintf(&s, "  source: %s bytes of Go, %s of assembly\n", thousands(int64(goBytes)), thousands(int64(asmBytes)))
	return s.String()
}

// targetRows writes how each vector target runs a kernel; false when one of them
// leaves it to plain Go.
func targetRows(s *strings.Builder, k *loop.Kernel) bool {
	all := true
	for _, t := range []simd.Target{simd.AVX512, simd.AVX2} {
		f, reason := simd.Lower(k, t)
		switch {
		case f == nil:
			all = false
			fmt.Fprintf(s, "    %-6s  plain Go: %s\n", t, reason)
		case f.Spills > 0:
			fmt.Fprintf(s, "    %-6s  %s, %s spilled\n", t, f.Shape, plural(f.Spills, "value"))
		default:
			fmt.Fprintf(s, "    %-6s  %s\n", t, f.Shape)
		}
	}
	return all
}

func countCalls(body []loop.Step, calls map[*loop.Kernel]int) {
	for _, step := range body {
		switch step := step.(type) {
		case *loop.Call:
			calls[step.Kernel]++
			for _, p := range step.Kernel.Parts {
				calls[p.Kernel]++
			}
		case *loop.For:
			countCalls(step.Body, calls)
		}
	}
}

// phasesOf spells a kernel's space and phases: "[batch, 128] contract[784] map".
func phasesOf(k *loop.Kernel) string {
	parts := []string{axesOf(k.Space)}
	for _, ph := range k.Phases {
		text := ph.Kind.String()
		if len(ph.Axes) > 0 {
			text += axesOf(ph.Axes)
		}
		parts = append(parts, text)
	}
	for _, p := range k.Parts {
		parts = append(parts, p.Kernel.Name)
	}
	return strings.Join(parts, " ")
}

func axesOf(axes []*loop.Axis) string {
	var parts []string
	for _, x := range axes {
		parts = append(parts, x.Extent.String())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// localsOf is the memory that a worker borrows for the parts of kernels; empty
// when there are none.
func localsOf(f *loop.Func) string {
	var sizes []string
	for _, c := range loop.Calls(f) {
		var sum dim.Dim
		at := map[string]dim.Dim{}
		for i, d := range c.Dims {
			at[c.Kernel.Dims[i]] = d
		}
		for _, l := range c.Kernel.Locals {
			sum = sum.Add(loop.PhysicalSize(l.Shape, l.Layout).Subst(at).Mul(dim.Const(int64(l.DType.Size()))))
		}
		if text := sum.String(); len(c.Kernel.Locals) > 0 && !slices.Contains(sizes, text) {
			sizes = append(sizes, text)
		}
	}
	switch len(sizes) {
	case 0:
		return ""
	case 1:
		return sizes[0] + " bytes"
	}
	return "max(" + strings.Join(sizes, ", ") + ") bytes"
}

// arenaOf is the size of a function's arena in bytes: a sum over its slots, the
// larger buffers of a slot counting where that can be told.
func arenaOf(f *loop.Func) string {
	var fixed dim.Dim
	var rest []string
	for _, slot := range f.Slots {
		var sizes []string
		most, known := int64(0), true
		for _, z := range slot.Sizes {
			bytes := z.Elements.Mul(dim.Const(int64(z.DType.Size())))
			n, ok := bytes.Int()
			known, most = known && ok, max(most, n)
			sizes = append(sizes, bytes.String())
		}
		switch {
		case known:
			fixed = fixed.Add(dim.Const(most))
		case len(slot.Sizes) == 1:
			fixed = fixed.Add(slot.Sizes[0].Elements.Mul(dim.Const(int64(slot.Sizes[0].DType.Size()))))
		default:
			rest = append(rest, "max("+strings.Join(sizes, ", ")+")")
		}
	}
	return strings.Join(append([]string{fixed.String()}, rest...), " + ") + " bytes"
}
