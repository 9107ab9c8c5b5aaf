// Package diag is what every part of mlc says to its user: positions in model
// text, coded diagnostics, and the renderers of diagnostics.
//
// It is a leaf: it knows neither the language nor the compiler, and imports
// nothing of this module. A diagnostic holds byte offsets only; lines, columns
// and display cells are derived from the source text when it is rendered.
//
// Invariant: for one list of diagnostics and one set of sources every renderer
// writes the same bytes on every run.
package diag
