package mlrt

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"
)

// TestPhiloxKnownAnswers checks the vectors published with Random123.
func TestPhiloxKnownAnswers(t *testing.T) {
	const all = 0xffffffff
	for _, c := range []struct {
		key       [2]uint32
		ctr, want [4]uint32
	}{
		{[2]uint32{}, [4]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[2]uint32{all, all}, [4]uint32{all, all, all, all}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Philox(c.key, c.ctr); got != c.want {
			t.Errorf("Philox(%x, %x) = %x, want %x", c.key, c.ctr, got, c.want)
		}
	}
}

func TestUniform(t *testing.T) {
	if got := Uniform(0); got != 0 {
		t.Errorf("Uniform(0) = %v", got)
	}
	if got := Uniform(math.MaxUint32); got != 1-0x1p-24 {
		t.Errorf("Uniform of all ones = %v, want 1 - 2^-24", got)
	}
	// Mean and variance of 40,000 draws: 1/2 and 1/12, four standard errors.
	var sum, square float64
	n := 0
	for i := range uint32(10_000) {
		for _, w := range Philox(StreamKey(7, "x"), [4]uint32{i}) {
			u := float64(Uniform(w))
			sum += u
			square += (u - 0.5) * (u - 0.5)
			n++
		}
	}
	if mean := sum / float64(n); math.Abs(mean-0.5) > 4*math.Sqrt(1./12/float64(n)) {
		t.Errorf("mean %v", mean)
	}
	if v := square / float64(n); math.Abs(v-1./12) > 4*math.Sqrt(1./180/float64(n)) {
		t.Errorf("variance %v", v)
	}
}

// TestStreamKey compares with hash/fnv.
func TestStreamKey(t *testing.T) {
	for _, name := range []string{"", "fc1.weight", "ü"} {
		h := fnv.New64a()
		h.Write(binary.LittleEndian.AppendUint64(nil, 0x0123456789abcdef))
		h.Write([]byte(name))
		want := h.Sum64()
		if got := StreamKey(0x0123456789abcdef, name); got != [2]uint32{uint32(want), uint32(want >> 32)} {
			t.Errorf("StreamKey(%q) = %x, want %x", name, got, want)
		}
	}
}

func TestShuffle(t *testing.T) {
	a, b := make([]int, 1000), make([]int, 1000)
	Shuffle(a, 1, 0)
	seen := make([]bool, len(a))
	for _, v := range a {
		if seen[v] {
			t.Fatalf("%d occurs twice", v)
		}
		seen[v] = true
	}
	same := func(seed uint64, epoch int) int {
		Shuffle(b, seed, epoch)
		n := 0
		for i := range a {
			if a[i] == b[i] {
				n++
			}
		}
		return n
	}
	if n := same(1, 0); n != len(a) {
		t.Errorf("equal seed and epoch agree in %d of %d places", n, len(a))
	}
	// Independent permutations agree in one place on average.
	for _, c := range [][2]int{{2, 0}, {1, 1}, {1, 2}} {
		if n := same(uint64(c[0]), c[1]); n > 8 {
			t.Errorf("seed %d epoch %d agrees with seed 1 epoch 0 in %d places", c[0], c[1], n)
		}
	}
	// All six orders of three, each about a sixth of 6,000 epochs.
	count := map[[3]int]int{}
	var p [3]int
	for e := range 6000 {
		Shuffle(p[:], 9, e)
		count[p]++
	}
	for order, n := range count {
		if len(count) != 6 || math.Abs(float64(n)-1000) > 4*math.Sqrt(6000*(1./6)*(5./6)) {
			t.Errorf("%d orders; %v came %d times of 6000", len(count), order, n)
		}
	}
	Shuffle(nil, 1, 1)
}
