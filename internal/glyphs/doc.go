// Package glyphs draws the built-in data set: the ten digits in the faces of the
// Go fonts, shifted, turned, scaled, sheared, thickened or thinned, and noisy,
// as 28x28 images of bytes. With it `mlc train` needs no download.
//
// It knows neither models nor training; only cmd/mlc imports it. Its invariant
// is one SHA-256 for the whole set on every machine: outlines are read as
// integers and drawn by integer arithmetic, random numbers are counter-based,
// and the sines of the turns come from the runtime's host mathematics.
package glyphs
