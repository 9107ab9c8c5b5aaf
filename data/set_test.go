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

// TestLookUp compares the conversion of bytes, eight at a time, with one at a time.
func TestLookUp(t *testing.T) {
	var table [256]float32
	for i := range table {
		table[i] = float32(i*i) - 300
	}
	for n := range 40 {
		src, got := make([]byte, n), make([]float32, n+1)
		for i := range src {
			src[i] = byte(i*37 + n)
		}
		got[n] = -1
		lookUp(got[:n], src, &table)
		for i, v := range src {
			if got[i] != table[v] {
				t.Fatalf("%d bytes: element %d is %v, want %v", n, i, got[i], table[v])
			}
		}
		if got[n] != -1 {
			t.Fatalf("%d bytes: wrote behind the end", n)
		}
	}
}
