package mlrt

// dtypeNames are the names in files; dtypeTexts those in messages and JSON.
var (
	dtypeNames = [...]string{"", "F32", "F64", "BF16", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"}
	dtypeTexts = [...]string{"invalid", "float32", "float64", "bfloat16", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"}
	dtypeSizes = [...]int{0, 4, 8, 2, 2, 8, 4, 2, 1, 1, 1}
)

// String returns the name of the element type, such as "float32".
func (d DType) String() string {
	if int(d) < len(dtypeTexts) {
		return dtypeTexts[d]
	}
	return dtypeTexts[0]
}

// Size returns the bytes of an element, 0 for an invalid type.
func (d DType) Size() int {
	if int(d) < len(dtypeSizes) {
		return dtypeSizes[d]
	}
	return 0
}

// Len returns the number of elements of data, which must be the slice type of d:
// []float32, []float64, []int64, []int32, []int16, []int8, []uint8, []bool, and
// []uint16 with the bits of bfloat16 and float16. For another type ok is false.
func (d DType) Len(data any) (n int, ok bool) {
	switch s := data.(type) {
	case []float32:
		return len(s), d == Float32
	case []float64:
		return len(s), d == Float64
	case []uint16:
		return len(s), d == BFloat16 || d == Float16
	case []int64:
		return len(s), d == Int64
	case []int32:
		return len(s), d == Int32
	case []int16:
		return len(s), d == Int16
	case []int8:
		return len(s), d == Int8
	case []uint8:
		return len(s), d == Uint8
	case []bool:
		return len(s), d == Bool
	}
	return 0, false
}

// Make returns a new slice of n elements of d's Go type, nil for an invalid type.
func (d DType) Make(n int) any {
	switch d {
	case Float32:
		return make([]float32, n)
	case Float64:
		return make([]float64, n)
	case BFloat16, Float16:
		return make([]uint16, n)
	case Int64:
		return make([]int64, n)
	case Int32:
		return make([]int32, n)
	case Int16:
		return make([]int16, n)
	case Int8:
		return make([]int8, n)
	case Uint8:
		return make([]uint8, n)
	case Bool:
		return make([]bool, n)
	}
	return nil
}
