// Package mlc is the root of the module: it holds the sources that cmd/mlc
// carries along, so that a program built by `mlc train` needs no network.
package mlc
