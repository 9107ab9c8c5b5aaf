// Package mlc is the root of the module: it holds the sources that cmd/mlc
// carries along, so that a program built by `mlc train` needs no network.
//
// It has no behaviour and imports nothing of the module; only cmd/mlc uses it.
// It must hold every file that the packages runtime, data and train need to
// compile, on every platform.
package mlc

import "embed"

// Sources holds the Go and assembly files of the packages runtime, data and
// train, tests included, under their paths in the module.
//
//go:embed runtime/*.go runtime/*.s data/*.go train/*.go train/*.s
var Sources embed.FS
