package dsl

import "testing"

func BenchmarkParseGPT(b *testing.B) {
	src := specs(b)["../specs/gpt/net.ml"]
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, l := Parse("net.ml", src); len(l) > 0 {
			b.Fatal(l)
		}
	}
}

func BenchmarkFormatGPT(b *testing.B) {
	src := specs(b)["../specs/gpt/net.ml"]
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, l := Format("net.ml", src); len(l) > 0 {
			b.Fatal(l)
		}
	}
}
