package simd

import (
	"fmt"
	"strings"
)

// Record is a Go struct with the arguments of a kernel but for the items: slices
// for its parameters, then the sizes, scalars and counters. A function that takes
// its address copies what it needs of it into its frame.
type Record struct {
	Type string // of the struct

	args []recordArg
	size int
}

type recordArg struct {
	text         string // stands for the argument until the frame is known
	offset, size int    // in the record
}

// place adds the last argument and returns its place in the code.
func (r *Record) place(args []Arg) string {
	a := args[len(args)-1]
	n := a.size()
	r.size = (r.size + n - 1) / n * n
	text := fmt.Sprintf("arg%d(ARGS)", len(r.args))
	r.args = append(r.args, recordArg{text, r.size, n})
	r.size += n
	if a.Kind == Pointer {
		r.size += 16 // length and capacity of the slice
	}
	return text
}

// unpack lets the function begin with copies of the arguments that its code
// names, and makes room for them.
func (r *Record) unpack(f *Function) {
	var copies strings.Builder
	var names []string
	for _, a := range r.args {
		if !strings.Contains(f.body, " "+a.text) {
			continue
		}
		at := fmt.Sprintf("%d(SP)", f.frame)
		f.frame += 8
		move := map[int]string{8: "MOVQ", 4: "MOVL", 2: "MOVW", 1: "MOVB"}[a.size]
		fmt.Fprintf(&copies, "\t%s %d(AX), BX\n\t%s BX, %s\n", move, a.offset, move, at)
		names = append(names, " "+a.text, " "+at)
	}
	if len(names) > 0 {
		f.body = "\tMOVQ " + recordName + "+0(FP), AX\n" + copies.String() + strings.NewReplacer(names...).Replace(f.body)
	}
}
