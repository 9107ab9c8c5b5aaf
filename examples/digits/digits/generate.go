// Package digits is a digit classifier: net.ml is its source, the files *_ml*.go
// are generated from it.
package digits

//go:generate go tool mlc build net.ml
