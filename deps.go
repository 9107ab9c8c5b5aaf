//go:build deps

package mlc

import (
	_ "github.com/alecthomas/participle/v2"
	_ "github.com/dave/jennifer/jen"
	_ "github.com/spf13/cobra"
	_ "golang.org/x/image/font/gofont/goregular"
	_ "golang.org/x/term"
	_ "golang.org/x/tools/txtar"
	_ "gonum.org/v1/gonum/graph/topo"
	_ "github.com/schollz/progressbar/v3"
)
