//go:build race

package main

// racing: the race detector runs, whose own memory grows with what it has seen.
const racing = true
