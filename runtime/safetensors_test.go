package mlrt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// every holds a tensor of each type, an empty one and a scalar.
func every() []Stored {
	return []Stored{
		{"fc1.weight", Float32, []int{2, 3}, []float32{1, -2, 0.5, float32(math.Inf(1)), 0x1p-149, float32(math.Copysign(0, -1))}},
		{"d", Float64, []int{2}, []float64{math.Pi, -1e300}},
		{"b16", BFloat16, []int{2}, []uint16{0x3f80, 0xc000}},
		{"f16", Float16, []int{2}, []uint16{0x3c00, 0x7bff}},
		{"i64", Int64, []int{1}, []int64{math.MinInt64}},
		{"i32", Int32, []int{2}, []int32{-1, math.MaxInt32}},
		{"i16", Int16, []int{1, 1}, []int16{-32768}},
		{"i8", Int8, []int{3}, []int8{-128, 0, 127}},
		{"u8", Uint8, []int{3}, []uint8{0, 200, 255}},
		{"é \"<&>", Bool, []int{2}, []bool{true, false}},
		{"empty", Float32, []int{0, 5}, []float32{}},
		{"step", Int64, []int{}, []int64{7}},
	}
}

func encoded(t *testing.T, tensors []Stored) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteFile(&b, map[string]string{"format": "pt", "mlc.step": "7"}, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// contents reads everything back.
func contents(f *File) ([]Stored, error) {
	var all []Stored
	for i := range f.Len() {
		s := f.Tensor(i)
		n, err := Bytes(1, s.Shape...)
		if err != nil {
			return nil, err
		}
		s.Data = s.DType.Make(int(n))
		if err := f.Read(i, s.Data); err != nil {
			return nil, err
		}
		if s.Shape == nil {
			s.Shape = []int{}
		}
		all = append(all, s)
	}
	return all, nil
}

func TestSafetensorsRoundTrip(t *testing.T) {
	want := every()
	raw := encoded(t, want)
	if n := binary.LittleEndian.Uint64(raw); n%8 != 0 || raw[8] != '{' {
		t.Errorf("header of %d bytes starts with %q", n, raw[8])
	}
	f, err := ReadFile(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	got, err := contents(f)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back %v, %v", got, err)
	}
	if m := map[string]string{"format": "pt", "mlc.step": "7"}; !reflect.DeepEqual(f.Metadata, m) {
		t.Errorf("metadata %v", f.Metadata)
	}
	if !bytes.Equal(raw, encoded(t, want)) {
		t.Error("two writes differ")
	}
	if i := f.Find("i8"); f.Names()[i] != "i8" || f.Find("none") != -1 {
		t.Error("Find and Names disagree")
	}
	// Any float type reads as float32 or float64.
	var half [2]float64
	if err := f.Read(f.Find("f16"), half[:]); err != nil || half != [2]float64{1, 65504} {
		t.Errorf("float16 as float64: %v, %v", half, err)
	}
	var single [2]float32
	if err := f.Read(f.Find("d"), single[:]); err != nil || single[0] != math.Pi || !math.IsInf(float64(single[1]), -1) {
		t.Errorf("float64 as float32: %v, %v", single, err)
	}
	for _, dst := range []any{make([]float32, 3), make([]int32, 2), "text", make([]float64, 1), nil} {
		if err := f.Read(f.Find("d"), dst); !errors.Is(err, ErrShape) {
			t.Errorf("reading into %T: %v", dst, err)
		}
	}
	if err := f.Read(f.Find("i64"), make([]float32, 1)); !errors.Is(err, ErrShape) {
		t.Errorf("int64 as float32: %v", err)
	}
}

func TestSafetensorsCanonicalNaN(t *testing.T) {
	raw := encoded(t, []Stored{
		{"x", Float32, []int{2}, []float32{math.Float32frombits(0xffc12345), math.Float32frombits(0x7f800001)}},
		{"h", Float16, []int{1}, []uint16{0xfc01}},
	})
	if want := []byte{0, 0, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f, 0, 0x7e}; !bytes.HasSuffix(raw, want) {
		t.Errorf("file ends with % x, want % x", raw[len(raw)-10:], want)
	}
}

// TestSafetensorsDamage flips every bit of a file and cuts it at every length:
// each is an error, or (an escaped letter's case) changes nothing.
func TestSafetensorsDamage(t *testing.T) {
	want := every()[:6]
	raw := encoded(t, want)
	for i := range raw {
		if _, err := ReadFile(bytes.NewReader(raw[:i])); !errors.Is(err, ErrWeights) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		for bit := range 8 {
			raw[i] ^= 1 << bit
			f, err := ReadFile(bytes.NewReader(raw))
			raw[i] ^= 1 << bit
			if err == nil {
				if got, err := contents(f); err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("bit %d of byte %d flipped: accepted", bit, i)
				}
			} else if !errors.Is(err, ErrWeights) {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
	}
	// The damaged tensor is named.
	raw[len(raw)-1] ^= 1
	if _, err := ReadFile(bytes.NewReader(raw)); err == nil || !strings.Contains(err.Error(), `"i32"`) {
		t.Errorf("last byte damaged: %v", err)
	}
	if _, err := ReadFile(bytes.NewReader(append(raw, 0))); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("a byte too many: %v", err)
	}
}

// TestSafetensorsMemory reads a file and a stream: the file takes its own size, the
// stream no more than what it grows through.
func TestSafetensorsMemory(t *testing.T) {
	const size = 32 << 20
	var b bytes.Buffer
	if err := WriteFile(&b, nil, []Stored{{"a", Uint8, []int{size}, make([]byte, size)}}); err != nil {
		t.Fatal(err)
	}
	taken := func(r io.Reader) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if f, err := ReadFile(r); err != nil || len(f.data) != size {
			t.Fatalf("%d bytes, %v", len(f.data), err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	file, stream := taken(bytes.NewReader(b.Bytes())), taken(io.MultiReader(bytes.NewReader(b.Bytes())))
	if file > size+size/8 || stream < file || stream > 2*size+size/8 {
		t.Errorf("%d bytes of data took %d from a file and %d from a stream", size, file, stream)
	}
	// A file that says it has more than it has costs nothing either.
	short := bytes.NewReader(b.Bytes()[:4096])
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadFile(short); !errors.Is(err, ErrWeights) {
		t.Errorf("a cut file: %v", err)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 2<<20 {
		t.Errorf("a cut file took %d bytes", after.TotalAlloc-before.TotalAlloc)
	}
}

func TestSafetensorsHostile(t *testing.T) {
	header := func(h, data string) io.Reader {
		return strings.NewReader(string(binary.LittleEndian.AppendUint64(nil, uint64(len(h)))) + h + data)
	}
	one := `"dtype":"U8","shape":[4],"data_offsets":[0,4]`
	for _, c := range []struct{ header, want string }{
		{``, "EOF"},
		{`[]`, "should be"},
		{`{"a":{` + one + `},"a":{` + one + `}}`, "occurs twice"},
		{`{"a":{` + one + `},"b":{` + one + `}}`, "overlap"},
		{`{"a":{` + one + `},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}`, "hole"},
		{`{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,4]}}`, "do not fit"},
		{`{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}`, "do not fit"},
		{`{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}`, "whole number"},
		{`{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}`, "whole number"},
		{`{"a":{"dtype":"U8","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,4]}}`, ""},
		{`{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,4]}}`, "whole number"},
		{`{"a":{"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,4611686018427387904]}}`, ""},
		{`{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}`, "not supported"},
		{`{"a":{"dtype":"U8","shape":[4]}}`, "missing"},
		{`{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "repeated"},
		{`{"a":{` + one + `,"x":[[[[[[[[[1]]]]]]]]]}}`, "unknown"},
		{`{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4],"data_offsets":[0,4]}}`, "more than 16"},
		{`{"__metadata__":{"a":1}}`, "string"},
		{`{"__metadata__":{"a":"1","a":"2"}}`, "occurs twice"},
		{`{"a":{` + one + `}} x`, ""},
		{strings.Repeat("[", 100000), "should be"},
		{"{\"\xff\":{" + one + "}}", "UTF-8"},
		{`{"__metadata__":{"mlc.crc32c/a":"00"},"a":{` + one + `}}`, "checksum"},
	} {
		_, err := ReadFile(header(c.header, "data"))
		if err == nil || !errors.Is(err, ErrWeights) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: error %v, want one with %q", c.header, err, c.want)
		}
	}
	if f, err := ReadFile(header(`{"a":{`+one+`}}   `, "data")); err != nil || f.Len() != 1 {
		t.Errorf("a file without checksums: %v", err)
	}
	if f, err := ReadFile(header(`{"__metadata__":{"mlc.sha256":"00","mlc.sha256/a":"00"},"a":{`+one+`}}`, "data")); err != nil || f.Len() != 1 {
		t.Errorf("a file with the checksums of before: %v", err)
	}
	for _, n := range []uint64{math.MaxUint64, 1 << 63, MaxHeader + 1} {
		if _, err := ReadFile(bytes.NewReader(binary.LittleEndian.AppendUint64(nil, n))); err == nil || !strings.Contains(err.Error(), "limit") {
			t.Errorf("header of %d bytes: %v", n, err)
		}
	}
}

func TestSafetensorsWriteErrors(t *testing.T) {
	ok := Stored{"a", Float32, []int{1}, []float32{1}}
	for name, c := range map[string]struct {
		meta    map[string]string
		tensors []Stored
	}{
		"duplicate":     {nil, []Stored{ok, ok}},
		"reserved name": {nil, []Stored{{"__metadata__", Float32, []int{1}, []float32{1}}}},
		"reserved key":  {map[string]string{"mlc.crc32c": "x"}, []Stored{ok}},
		"wrong length":  {nil, []Stored{{"a", Float32, []int{2}, []float32{1}}}},
		"wrong type":    {nil, []Stored{{"a", Float32, []int{1}, []float64{1}}}},
		"no data":       {nil, []Stored{{"a", Float32, []int{1}, nil}}},
		"negative":      {nil, []Stored{{"a", Float32, []int{-1}, []float32{}}}},
	} {
		if err := WriteFile(io.Discard, c.meta, c.tensors); !errors.Is(err, ErrShape) && !errors.Is(err, ErrWeights) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("disk on fire")
	if err := WriteFile(failing{broken}, nil, []Stored{ok}); !errors.Is(err, broken) {
		t.Errorf("failing writer: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestSafetensorsForeign reads a file of another system where it is at hand.
func TestSafetensorsForeign(t *testing.T) {
	dir := os.Getenv("MLC_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	r, err := os.Open(filepath.Join(dir, "models", "mnist-burn.safetensors"))
	if err != nil {
		t.Skip("no shared data here")
	}
	defer r.Close()
	f, err := ReadFile(r)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	all, err := contents(f)
	for _, s := range all {
		k, _ := s.DType.Len(s.Data)
		n += k
	}
	// The model has 376,938 parameters; its batch norm keeps running values besides.
	if err != nil || n < 376938 || n > 378000 {
		t.Errorf("%d values in %v, %v", n, f.Names(), err)
	}
}

func FuzzReadFile(f *testing.F) {
	var b bytes.Buffer
	if err := WriteFile(&b, nil, every()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := ReadFile(bytes.NewReader(raw))
		if err != nil {
			return
		}
		all, err := contents(file)
		if err != nil {
			t.Fatal(err)
		}
		// What was accepted can be written and read again.
		var again bytes.Buffer
		if err := WriteFile(&again, nil, all); err != nil {
			t.Fatal(err)
		}
		if second, err := ReadFile(&again); err != nil || fmt.Sprint(second.Names()) != fmt.Sprint(file.Names()) {
			t.Fatalf("second reading: %v", err)
		}
	})
}
