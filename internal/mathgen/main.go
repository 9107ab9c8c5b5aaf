// Mathgen writes the runtime's float32 functions from the compiler's table of
// named functions, so that generated Go code, assembly and the evaluator compute
// one set of expressions. It knows the scalar operations and Go's syntax, and no
// function by name.
//
//	go run ./internal/mathgen -o runtime/math32.go
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("o", "", "file to write (default standard output)")
	flag.Parse()
	src, err := generate()
	if err == nil && *out == "" {
		_, err = os.Stdout.Write(src)
	} else if err == nil {
		err = os.WriteFile(*out, src, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mathgen:", err)
		os.Exit(1)
	}
}
