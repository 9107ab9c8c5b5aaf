package dim

// DType is the element type of a tensor.
type DType uint8

// The element types of the language, in the order of its manual.
const (
	Invalid DType = iota
	Float64
	Float32
	BFloat16
	Float16
	Int64
	Int32
	Int16
	Int8
	Uint8
	Bool
	Uint32 // internal: bits of counter-based random numbers; no spec can name it
)

var dtypes = [...]struct {
	name  string
	short string // in IR text
	size  int    // bytes of one element
}{
	Invalid:  {"invalid", "?", 0},
	Float64:  {"float64", "f64", 8},
	Float32:  {"float32", "f32", 4},
	BFloat16: {"bfloat16", "bf16", 2},
	Float16:  {"float16", "f16", 2},
	Int64:    {"int64", "i64", 8},
	Int32:    {"int32", "i32", 4},
	Int16:    {"int16", "i16", 2},
	Int8:     {"int8", "i8", 1},
	Uint8:    {"uint8", "u8", 1},
	Bool:     {"bool", "bool", 1},
	Uint32:   {"uint32", "u32", 4},
}

// String returns the name that the language uses, such as "float32".
func (t DType) String() string { return dtypes[t].name }

// Short returns the name that IR text uses, such as "f32".
func (t DType) Short() string { return dtypes[t].short }

// Size returns the number of bytes of one element in memory.
func (t DType) Size() int { return dtypes[t].size }

// IsFloat reports whether t is a floating-point type.
func (t DType) IsFloat() bool { return t >= Float64 && t <= Float16 }

// IsInt reports whether t is an integer type; bool is not one.
func (t DType) IsInt() bool { return t >= Int64 && t <= Uint8 || t == Uint32 }

// ParseDType finds a type by the name that the language or IR text uses.
// Its second result is false for an unknown name.
func ParseDType(name string) (DType, bool) {
	for t := Float64; int(t) < len(dtypes); t++ {
		if dtypes[t].name == name || dtypes[t].short == name {
			return t, true
		}
	}
	return Invalid, false
}

// DTypeNames lists the types that a spec may name, for suggestions.
func DTypeNames() []string {
	var names []string
	for t := Float64; t <= Bool; t++ {
		names = append(names, dtypes[t].name)
	}
	return names
}
