package data

import (
	"encoding/binary"
	"errors"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wav writes a file of 16-bit samples.
func wav(rate, channels int, samples []int16) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt ")
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, uint16(channels)} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*2))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*2))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*len(samples)))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func tone(rate, n int, frequency float64) []int16 {
	v := make([]int16, n)
	for i := range v {
		v[i] = int16(8000 * math.Sin(2*math.Pi*frequency*float64(i)/float64(rate)))
	}
	return v
}

func TestReadWAV(t *testing.T) {
	rate, samples, err := ReadWAV(wav(8000, 2, []int16{100, 300, -32768, 32767}), "a.wav")
	if err != nil || rate != 8000 || !slices.Equal(samples, []float64{200.0 / 32768, -0.5 / 32768}) {
		t.Errorf("%d, %v, %v", rate, samples, err)
	}
	good := wav(8000, 1, tone(8000, 50, 440))
	for n := range good {
		if _, _, err := ReadWAV(good[:n], "a.wav"); !errors.Is(err, ErrData) {
			t.Errorf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	for _, at := range []int{0, 8, 12, 20, 22, 34} {
		damaged := slices.Clone(good)
		damaged[at] ^= 0x40
		if _, _, err := ReadWAV(damaged, "a.wav"); !errors.Is(err, ErrData) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(wav(8000, 1, tone(8000, 50, 440)))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, samples, err := ReadWAV(text, "a.wav"); err == nil && len(samples) == 0 {
			t.Error("no samples and no error")
		}
	})
}

// TestLogMel compares frames with the definition: a discrete Fourier transform
// by its sum, triangles between mel frequencies, and logarithms.
func TestLogMel(t *testing.T) {
	const rate, mels = 8000, 10
	a := &Audio{Rate: rate, Mels: mels, Frames: 9}
	ints := tone(rate, 700, 700)
	for i, v := range tone(rate, 700, 2300) {
		ints[i] += v / 2
	}
	samples := make([]float64, len(ints))
	for i, v := range ints {
		samples[i] = float64(v) / 32768
	}
	got := make([]float32, a.Frames*mels)
	n := a.logMel(got, samples, a.bands())
	if n != 1+(700-200)/80 {
		t.Fatalf("%d frames", n)
	}
	var want []float64
	toMel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	fromMel := func(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }
	for f := range n {
		power := make([]float64, 129)
		for k := range power {
			sum := complex(0, 0)
			for i := range 200 {
				window := math.Pow(math.Sin(math.Pi*float64(i)/200), 2)
				sum += complex(window*samples[f*80+i], 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(k*i)/256))
			}
			power[k] = real(sum)*real(sum) + imag(sum)*imag(sum)
		}
		for m := range mels {
			corner := func(i int) float64 { return fromMel(toMel(rate/2) * float64(m+i) / (mels + 1)) }
			energy := 0.0
			for k, p := range power {
				at := float64(k) * rate / 256
				if rise, fall := (at-corner(0))/(corner(1)-corner(0)), (corner(2)-at)/(corner(2)-corner(1)); min(rise, fall) > 0 {
					energy += min(rise, fall) * p
				}
			}
			want = append(want, math.Log(math.Max(energy, 1e-10)))
		}
	}
	mean, variance := 0.0, 0.0
	for _, v := range want {
		mean += v / float64(len(want))
	}
	for _, v := range want {
		variance += (v - mean) * (v - mean) / float64(len(want))
	}
	for i, v := range want {
		// The two formulas of the mel scale in use differ by 1127 against 1127.01.
		if w := (v - mean) / math.Sqrt(variance); math.Abs(w-float64(got[i])) > 1e-3 {
			t.Fatalf("frame %d, band %d: %v, want %v", i/mels, i%mels, got[i], w)
		}
	}
	if slices.ContainsFunc(got[n*mels:], func(v float32) bool { return v != 0 }) {
		t.Error("the padding is not zero")
	}
}

func TestRecordings(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		name := []string{"low_", "high_"}[i%2] + string(rune('a'+i)) + ".wav"
		text := wav(8000, 1, tone(8000, 400+80*i, 300+float64(i%2)*2000))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(dir, Options{TestShare: 0.3, Mels: 12})
	if err != nil {
		t.Fatal(err)
	}
	if got := src.Transform.Classes; !slices.Equal(got, []string{"high", "low"}) {
		t.Errorf("classes %q", got)
	}
	if src.Train.Len()+src.Tests.Len() != 20 || src.Tests.Len() == 0 {
		t.Errorf("%d and %d samples", src.Train.Len(), src.Tests.Len())
	}
	labels, spelt := column32(t, src.Train, LabelColumn), column32(t, src.Train, SpellingColumn)
	for i, k := range labels {
		// The letters of "high" and "low" are g, h, i, l, o, w.
		want := [][]int32{{2, 3, 1, 2}, {4, 5, 6, 0}}[k]
		if !slices.Equal(spelt[4*i:4*i+4], want) {
			t.Errorf("sample %d of class %d is spelt %v, want %v", i, k, spelt[4*i:4*i+4], want)
		}
	}
	if again := reopen(t, src.Transform, dir); again.Tests.Fingerprint() != src.Tests.Fingerprint() {
		t.Errorf("other test samples when it is read again")
	}
	one, err := src.Transform.Recordings([]string{filepath.Join(dir, "low_a.wav")})
	if err != nil || one.Len() != 1 || one.Find(LabelColumn) >= 0 {
		t.Errorf("one recording: %v", err)
	}
	if _, err := Open(dir, Options{TestShare: 0.999999}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "all 20 samples") {
		t.Errorf("no training samples: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "low_z.wav"), wav(16000, 1, tone(16000, 900, 300)), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "16000 samples a second") {
		t.Errorf("two rates: %v", err)
	}
}
