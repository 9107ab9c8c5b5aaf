package data

import "testing"

// BenchmarkRead fills a batch of 64 images of 28x28 bytes, divided by 255.
func BenchmarkRead(b *testing.B) {
	const n, size = 1000, 28 * 28
	s, err := imageSet("bench", []int{28, 28}, make([]uint8, n*size), make([]uint8, n), digits)
	if err != nil {
		b.Fatal(err)
	}
	if s, err = s.Scale(Scaling{Column: ImageColumn, Divide: 255}); err != nil {
		b.Fatal(err)
	}
	samples, dst := make([]int, 64), make([]float32, 64*size)
	for i := range samples {
		samples[i] = i * 15
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Read(0, samples, dst); err != nil {
			b.Fatal(err)
		}
	}
}
