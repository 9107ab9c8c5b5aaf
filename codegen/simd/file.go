package simd

import (
	"fmt"
	"slices"
	"strings"
)

// Assembly returns the text of an assembly file with the functions, in their
// order, and the constants they read. header is put first, each line as a comment;
// tags is the build constraint.
func Assembly(header []string, tags string, fs []*Function) []byte {
	var b strings.Builder
	for _, l := range header {
		b.WriteString(commentLine("", l))
	}
	fmt.Fprintf(&b, "\n//go:build %s\n", tags)
	b.WriteString("\n#include \"textflag.h\"\n")
	var words, wide []uint32
	for _, f := range fs {
		words = append(words, f.consts...)
		if f.Target == AVX2 {
			wide = append(wide, f.consts...)
		}
	}
	data(&b, "word%08x", words, 1)
	data(&b, "wide%08x", wide, 8)
	known := map[string]bool{}
	for _, f := range fs {
		for _, t := range f.tables {
			if known[t.name] {
				continue
			}
			known[t.name] = true
			b.WriteString("\n")
			for i, v := range t.values {
				fmt.Fprintf(&b, "DATA %s<>+%d(SB)/4, $%#08x\n", t.name, 4*i, v)
			}
			fmt.Fprintf(&b, "GLOBL %s<>(SB), RODATA|NOPTR, $64\n", t.name)
		}
	}
	b.WriteString("\n")
	for i := range 16 {
		fmt.Fprintf(&b, "DATA lanes<>+%d(SB)/4, $%d\n", 4*i, i)
	}
	b.WriteString("GLOBL lanes<>(SB), RODATA|NOPTR, $64\n")
	for _, f := range fs {
		b.WriteString(f.text())
	}
	return []byte(b.String())
}

// data defines each bit pattern once, repeated.
func data(b *strings.Builder, name string, patterns []uint32, repeat int) {
	slices.Sort(patterns)
	for _, p := range slices.Compact(patterns) {
		symbol := fmt.Sprintf(name, p)
		b.WriteString("\n")
		for i := range repeat {
			fmt.Fprintf(b, "DATA %s<>+%d(SB)/4, $%#08x\n", symbol, 4*i, p)
		}
		fmt.Fprintf(b, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", symbol, 4*repeat)
	}
}

// commentLine makes one comment of text from a model, whatever is in it.
func commentLine(indent, s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\u2028' || r == '\u2029' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.TrimRight(indent+"// "+s, " ") + "\n"
}

// text is the function in Plan 9 assembly.
func (f *Function) text() string {
	var b strings.Builder
	b.WriteString("\n")
	b.WriteString(commentLine("", f.Signature()))
	for _, o := range f.Kernel.Origins {
		if o.Line > 0 {
			b.WriteString(commentLine("", fmt.Sprintf("%s:%d  %s", o.File, o.Line, o.Label)))
		}
	}
	if f.Kernel.Doc != "" {
		b.WriteString(commentLine("", f.Kernel.Doc))
	}
	for _, p := range f.Kernel.Params {
		shape := make([]string, len(p.Shape))
		for i, d := range p.Shape {
			shape[i] = d.String()
		}
		b.WriteString(commentLine("", fmt.Sprintf("%s [%s]", p.Name, strings.Join(shape, ", "))))
	}
	b.WriteString(commentLine("", "One item is a "+f.Shape+"."))
	flags := ""
	if f.frame == 0 {
		flags = "NOSPLIT, "
	}
	fmt.Fprintf(&b, "TEXT ·%s(SB), %s$%d-%d\n", f.Name, flags, f.frame, f.size)
	b.WriteString(f.body)
	return b.String()
}

// Signature is the Go declaration without its directive.
func (f *Function) Signature() string {
	if f.Pauses {
		return fmt.Sprintf("func %s(%s *%s, lo, hi int, %s *mlrt.Pause)", f.Name, recordName, f.record.Type, pauseArgument)
	}
	if f.record != nil {
		return fmt.Sprintf("func %s(%s *%s, lo, hi int)", f.Name, recordName, f.record.Type)
	}
	args := make([]string, len(f.Args))
	for i, a := range f.Args {
		args[i] = a.Name + " " + a.GoType()
	}
	return fmt.Sprintf("func %s(%s)", f.Name, strings.Join(args, ", "))
}
