package mlrt

import (
	"encoding/binary"
	"math"
)

// decode fills dst, a slice of raw's Go type and length, from little-endian bytes.
func decode(dst any, raw []byte) {
	le := binary.LittleEndian
	switch d := dst.(type) {
	case []float32:
		for i := range d {
			d[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case []float64:
		for i := range d {
			d[i] = math.Float64frombits(le.Uint64(raw[8*i:]))
		}
	case []uint16:
		for i := range d {
			d[i] = le.Uint16(raw[2*i:])
		}
	case []int64:
		for i := range d {
			d[i] = int64(le.Uint64(raw[8*i:]))
		}
	case []int32:
		for i := range d {
			d[i] = int32(le.Uint32(raw[4*i:]))
		}
	case []int16:
		for i := range d {
			d[i] = int16(le.Uint16(raw[2*i:]))
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
	le := binary.LittleEndian
	switch d {
	case Float64:
		return func(i int) float64 { return math.Float64frombits(le.Uint64(raw[8*i:])) }
	case Float32:
		return func(i int) float64 { return float64(math.Float32frombits(le.Uint32(raw[4*i:]))) }
	case BFloat16:
		return func(i int) float64 { return float64(FromBFloat16(le.Uint16(raw[2*i:]))) }
	case Float16:
		return func(i int) float64 { return float64(FromFloat16(le.Uint16(raw[2*i:]))) }
	}
	return nil
}

// encode appends elements lo to hi of data to dst, little-endian. NaNs are
// written as the type's quiet NaN, so that files do not depend on the machine.
func encode(dst []byte, t DType, data any, lo, hi int) []byte {
	le := binary.LittleEndian
	switch s := data.(type) {
	case []float32:
		for _, v := range s[lo:hi] {
			u := math.Float32bits(v)
			if v != v {
				u = 0x7fc00000
			}
			dst = le.AppendUint32(dst, u)
		}
	case []float64:
		for _, v := range s[lo:hi] {
			u := math.Float64bits(v)
			if v != v {
				u = 0x7ff8 << 48
			}
			dst = le.AppendUint64(dst, u)
		}
	case []uint16:
		for _, v := range s[lo:hi] {
			dst = le.AppendUint16(dst, quietHalf(t, v))
		}
	case []int64:
		for _, v := range s[lo:hi] {
			dst = le.AppendUint64(dst, uint64(v))
		}
	case []int32:
		for _, v := range s[lo:hi] {
			dst = le.AppendUint32(dst, uint32(v))
		}
	case []int16:
		for _, v := range s[lo:hi] {
			dst = le.AppendUint16(dst, uint16(v))
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
