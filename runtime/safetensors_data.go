package mlrt

import "math"

// decode fills dst, a slice of raw's Go type and length, from little-endian bytes.
func decode(dst any, raw []byte) {
	switch d := dst.(type) {
	case []float32:
		for i := range d {
			d[i] = math.Float32frombits(uint32At(raw[4*i:]))
		}
	case []float64:
		for i := range d {
			d[i] = math.Float64frombits(uint64At(raw[8*i:]))
		}
	case []uint16:
		for i := range d {
			d[i] = uint16At(raw[2*i:])
		}
	case []int64:
		for i := range d {
			d[i] = int64(uint64At(raw[8*i:]))
		}
	case []int32:
		for i := range d {
			d[i] = int32(uint32At(raw[4*i:]))
		}
	case []int16:
		for i := range d {
			d[i] = int16(uint16At(raw[2*i:]))
		}
	case []int8:
		for i := range d {
			d[i] = int8(raw[i])
		}
	case []uint8:
		copy(d, raw)
	case []bool:
		for i := range d {
			d[i] = raw[i] != 0
		}
	}
}

// floatReader returns a function that gives element i of a float tensor, nil
// for other types.
func floatReader(d DType, raw []byte) func(i int) float64 {
	switch d {
	case Float64:
		return func(i int) float64 { return math.Float64frombits(uint64At(raw[8*i:])) }
	case Float32:
		return func(i int) float64 { return float64(math.Float32frombits(uint32At(raw[4*i:]))) }
	case BFloat16:
		return func(i int) float64 { return float64(FromBFloat16(uint16At(raw[2*i:]))) }
	case Float16:
		return func(i int) float64 { return float64(FromFloat16(uint16At(raw[2*i:]))) }
	}
	return nil
}

// encode appends elements lo to hi of data to dst, little-endian. NaNs are
// written as the type's quiet NaN, so that files do not depend on the machine.
func encode(dst []byte, t DType, data any, lo, hi int) []byte {
	switch s := data.(type) {
	case []float32:
		for _, v := range s[lo:hi] {
			u := math.Float32bits(v)
			if v != v {
				u = 0x7fc00000
			}
			dst = appendUint32(dst, u)
		}
	case []float64:
		for _, v := range s[lo:hi] {
			u := math.Float64bits(v)
			if v != v {
				u = 0x7ff8 << 48
			}
			dst = appendUint64(dst, u)
		}
	case []uint16:
		for _, v := range s[lo:hi] {
			dst = appendUint16(dst, quietHalf(t, v))
		}
	case []int64:
		for _, v := range s[lo:hi] {
			dst = appendUint64(dst, uint64(v))
		}
	case []int32:
		for _, v := range s[lo:hi] {
			dst = appendUint32(dst, uint32(v))
		}
	case []int16:
		for _, v := range s[lo:hi] {
			dst = appendUint16(dst, uint16(v))
		}
	case []int8:
		for _, v := range s[lo:hi] {
			dst = append(dst, uint8(v))
		}
	case []uint8:
		dst = append(dst, s[lo:hi]...)
	case []bool:
		for _, v := range s[lo:hi] {
			b := byte(0)
			if v {
				b = 1
			}
			dst = append(dst, b)
		}
	}
	return dst
}

// quietHalf replaces a NaN of a 16-bit float type by its quiet NaN.
func quietHalf(t DType, v uint16) uint16 {
	switch {
	case t == BFloat16 && v&0x7fff > 0x7f80:
		return 0x7fc0
	case t == Float16 && v&0x7fff > 0x7c00:
		return 0x7e00
	}
	return v
}

// The numbers at the beginning of b, and numbers added to it, little-endian. The
// compiler makes one move of each.

func uint16At(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func uint32At(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func uint64At(b []byte) uint64 { return uint64(uint32At(b)) | uint64(uint32At(b[4:]))<<32 }

func appendUint16(b []byte, v uint16) []byte { return append(b, byte(v), byte(v>>8)) }

func appendUint32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func appendUint64(b []byte, v uint64) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}
