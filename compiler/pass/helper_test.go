package pass

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
)

func scalarOf(d dim.Dim) *scalar.Expr { return scalar.OfDim(d) }
