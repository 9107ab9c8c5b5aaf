package mlrt

import "math/bits"

// Philox returns the four random words of a counter under a key: Philox4x32-10
// of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). Equal
// arguments give equal words, so draws need no state and no order.
func Philox(key [2]uint32, ctr [4]uint32) [4]uint32 {
	const (
		mul0, mul1   = 0xd2511f53, 0xcd9e8d57
		weyl0, weyl1 = 0x9e3779b9, 0xbb67ae85
	)
	for range 10 {
		h0, l0 := bits.Mul32(mul0, ctr[0])
		h1, l1 := bits.Mul32(mul1, ctr[2])
		ctr = [4]uint32{h1 ^ ctr[1] ^ key[0], l1, h0 ^ ctr[3] ^ key[1], l0}
		key[0] += weyl0
		key[1] += weyl1
	}
	return ctr
}

// Uniform maps a random word to [0, 1): its upper 24 bits over 2^24, exact in
// float32.
func Uniform(word uint32) float32 { return float32(word>>8) * 0x1p-24 }

// StreamKey returns the key of a named stream of random numbers: the FNV-1a hash,
// 64 bits, of the seed's eight bytes (lowest first) and the name. Its low half
// comes first.
func StreamKey(seed uint64, name string) [2]uint32 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range 8 {
		h = (h ^ seed>>(8*i)&0xff) * prime
	}
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	return [2]uint32{uint32(h), uint32(h >> 32)}
}

// Shuffle fills order with a random permutation of 0 to len(order)-1 that
// depends on its length, seed and epoch alone (Fisher and Yates; the bias of a
// 64-bit product, at most len/2^64, is accepted).
func Shuffle(order []int, seed uint64, epoch int) {
	for i := range order {
		order[i] = i
	}
	key := StreamKey(seed, "shuffle")
	for i := len(order) - 1; i > 0; i-- {
		w := Philox(key, [4]uint32{uint32(i), uint32(uint64(i) >> 32), uint32(epoch), uint32(uint64(epoch) >> 32)})
		j, _ := bits.Mul64(uint64(w[0])|uint64(w[1])<<32, uint64(i)+1)
		order[i], order[j] = order[j], order[i]
	}
}
