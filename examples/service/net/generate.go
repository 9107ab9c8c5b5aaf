// Package net is the classifier of the service: net.ml is its source, the files
// *_ml*.go are generated from it.
package net

//go:generate go tool mlc build net.ml
