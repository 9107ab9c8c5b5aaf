package mlrt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Limits of a weights file, enforced before memory is taken.
const (
	MaxHeader = 16 << 20 // bytes of the JSON header
	MaxBytes  = 64 << 30 // bytes of data in one file or one arena
	maxRank   = 16
)

// Stored is a tensor of a weights file.
type Stored struct {
	Name  string
	DType DType
	Shape []int
	Data  any // the slice type of DType, row-major; see DType.Len
}

// File is the content of a safetensors file. Reading it is safe from several
// goroutines.
type File struct {
	Metadata map[string]string // without the checksums, which ReadFile has verified
	tensors  []entry           // in the header's order
	data     []byte
}

type entry struct {
	name       string
	dtype      DType
	shape      []int
	begin, end int64
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrWeights, fmt.Sprintf(format, args...))
}

// ReadFile reads a safetensors file whole. It refuses what the format forbids:
// a header that is no JSON of the right form, duplicate names, offsets that
// overlap, leave holes or lie outside the file; and, where the file has
// checksums, a tensor or header that differs from them. Errors name the tensor
// and wrap ErrWeights, except those of r itself.
func ReadFile(r io.Reader) (*File, error) {
	var size [8]byte
	if n, err := io.ReadFull(r, size[:]); err != nil {
		return nil, readError(err, "file ends after %d bytes, before the size of its header", n)
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > MaxHeader {
		return nil, damaged("header of %d bytes, the limit is %d", n, MaxHeader)
	}
	header, err := readUpTo(r, int64(n))
	if err != nil {
		return nil, err
	}
	if int64(len(header)) < int64(n) {
		return nil, damaged("file ends in its header: %d of %d bytes", len(header), n)
	}
	f := &File{}
	if err := f.parseHeader(header); err != nil {
		return nil, err
	}
	total, err := f.checkLayout()
	if err != nil {
		return nil, err
	}
	if f.data, err = readUpTo(r, total); err != nil {
		return nil, err
	}
	if err := f.checkLength(r, total); err != nil {
		return nil, err
	}
	return f, f.verify()
}

// readError turns the end of a file into damage and leaves other errors alone.
func readError(err error, format string, args ...any) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(format, args...)
	}
	return err
}

// readUpTo reads n bytes, fewer at the end of r. Memory grows with what really
// arrives, so that a lying header costs nothing.
func readUpTo(r io.Reader, n int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(n, 1<<20)))
	_, err := io.Copy(&b, io.LimitReader(r, n))
	return b.Bytes(), err
}

func (f *File) checkLength(r io.Reader, total int64) error {
	have := int64(len(f.data))
	if have == total {
		var one [1]byte
		if n, err := io.ReadFull(r, one[:]); n > 0 {
			return damaged("bytes behind the last tensor")
		} else if err != io.EOF {
			return err
		}
		return nil
	}
	for _, t := range f.tensors {
		if t.end > have {
			return damaged("tensor %q: file ends after %d of its %d bytes", t.name, max(0, have-t.begin), t.end-t.begin)
		}
	}
	return damaged("file ends early")
}

// checkLayout checks that the tensors cover the data without overlap or hole,
// and returns its length.
func (f *File) checkLayout() (int64, error) {
	order := slices.Clone(f.tensors)
	slices.SortStableFunc(order, func(a, b entry) int {
		if a.begin != b.begin {
			return int(max(-1, min(1, a.begin-b.begin)))
		}
		return int(max(-1, min(1, a.end-b.end)))
	})
	var at int64
	for i, t := range order {
		switch {
		case t.begin < at:
			return 0, damaged("tensors %q and %q overlap", order[i-1].name, t.name)
		case t.begin > at:
			return 0, damaged("tensor %q: hole of %d bytes before it", t.name, t.begin-at)
		}
		at = t.end
	}
	return at, nil
}

// parseHeader reads the JSON token by token, because encoding/json would accept
// duplicate names and forget their order. Its fixed form bounds the depth.
func (f *File) parseHeader(header []byte) error {
	if !utf8.Valid(header) {
		return damaged("header is not UTF-8")
	}
	d := headerReader{json.NewDecoder(bytes.NewReader(header))}
	d.UseNumber()
	seen := map[string]bool{}
	err := d.object(func(name string) error {
		if seen[name] {
			return fmt.Errorf("%q occurs twice", name)
		}
		seen[name] = true
		if name == "__metadata__" {
			f.Metadata = map[string]string{}
			return d.metadata(f.Metadata)
		}
		t := entry{name: name, begin: -1}
		if err := d.tensor(&t); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.tensors = append(f.tensors, t)
		return nil
	})
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("text behind the closing brace")
		}
	}
	if err != nil {
		return damaged("header: %v", err)
	}
	return nil
}

type headerReader struct{ *json.Decoder }

func (d headerReader) delim(want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("have %v where %v should be", t, want)
	}
	return nil
}

// object reads {...} and calls member at each value.
func (d headerReader) object(member func(name string) error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.text()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return d.delim('}')
}

func (d headerReader) text() (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("have %v where a string should be", t)
	}
	return s, nil
}

// numbers reads an array of at most limit whole numbers, none negative.
func (d headerReader) numbers(limit int) ([]int64, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	v := []int64{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		s, _ := t.(json.Number)
		n, err := strconv.ParseUint(string(s), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("have %v where a whole number should be", t)
		}
		if len(v) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		v = append(v, int64(n))
	}
	return v, d.delim(']')
}

func (d headerReader) metadata(m map[string]string) error {
	return d.object(func(key string) error {
		if _, twice := m[key]; twice {
			return fmt.Errorf("metadata %q occurs twice", key)
		}
		s, err := d.text()
		m[key] = s
		return err
	})
}

func (d headerReader) tensor(t *entry) error {
	var have [3]bool
	err := d.object(func(key string) error {
		i := slices.Index([]string{"dtype", "shape", "data_offsets"}, key)
		if i < 0 || have[i] {
			return fmt.Errorf("unknown or repeated member %q", key)
		}
		have[i] = true
		switch key {
		case "dtype":
			s, err := d.text()
			if err != nil {
				return err
			}
			k := slices.Index(dtypeNames[1:], s)
			if k < 0 {
				return fmt.Errorf("element type %q is not supported", s)
			}
			t.dtype = DType(k + 1)
		case "shape":
			dims, err := d.numbers(maxRank)
			for _, n := range dims {
				if int64(int(n)) != n {
					return fmt.Errorf("dimension %d is too large", n)
				}
				t.shape = append(t.shape, int(n))
			}
			return err
		default:
			o, err := d.numbers(2)
			if err == nil && len(o) != 2 {
				err = errors.New("data_offsets needs two numbers")
			}
			if err != nil {
				return err
			}
			t.begin, t.end = o[0], o[1]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if have != [3]bool{true, true, true} {
		return errors.New("dtype, shape or data_offsets is missing")
	}
	size, err := Bytes(t.dtype.Size(), t.shape...)
	if err != nil {
		return err
	}
	if t.begin > t.end || t.end > MaxBytes || t.end-t.begin != size {
		return fmt.Errorf("offsets [%d, %d] do not fit its %d bytes", t.begin, t.end, size)
	}
	return nil
}

// Bytes returns elem times the product of dims. Negative dimensions and results
// above MaxBytes, or above what this machine can address, are errors.
func Bytes(elem int, dims ...int) (int64, error) {
	n, huge := uint64(elem), false
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("%w: negative dimension %d", ErrShape, d)
		}
		if d == 0 {
			return 0, nil
		}
		h, l := bits.Mul64(n, uint64(d))
		n, huge = l, huge || h != 0 || l > MaxBytes || uint64(int(l)) != l
		if huge {
			n = 1 // zero dimensions may still follow
		}
	}
	if huge {
		return 0, fmt.Errorf("%w: %d elements of %d bytes exceed the limit of %d bytes", ErrShape, dims, elem, int64(MaxBytes))
	}
	return int64(n), nil
}

// Append adds the tensors of another file, such as a model's next shard. A name
// that both have is an error.
func (f *File) Append(other *File) error {
	for _, t := range other.tensors {
		if f.Find(t.name) >= 0 {
			return damaged("two files have a tensor %q", t.name)
		}
	}
	shift := int64(len(f.data))
	for _, t := range other.tensors {
		t.begin, t.end = t.begin+shift, t.end+shift
		f.tensors = append(f.tensors, t)
	}
	f.data = append(f.data, other.data...)
	return nil
}

// Len returns the number of tensors.
func (f *File) Len() int { return len(f.tensors) }

// Names returns the tensors' names in the file's order.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.name
	}
	return names
}

// Find returns the number of the tensor called name, -1 if there is none.
func (f *File) Find(name string) int {
	return slices.IndexFunc(f.tensors, func(t entry) bool { return t.name == name })
}

// Tensor describes tensor i; its Data is nil. The shape must not be changed.
func (f *File) Tensor(i int) Stored {
	t := f.tensors[i]
	return Stored{Name: t.name, DType: t.dtype, Shape: t.shape}
}

// Read copies tensor i into dst: a slice of the tensor's own Go type, or
// []float32 or []float64 for any float type, rounded once where it must be.
// The length must be the number of elements.
func (f *File) Read(i int, dst any) error {
	t := f.tensors[i]
	raw := f.data[t.begin:t.end]
	n := len(raw) / t.dtype.Size()
	if have, ok := t.dtype.Len(dst); ok {
		if have != n {
			return fmt.Errorf("%w: tensor %q has %d elements, the destination %d", ErrShape, t.name, n, have)
		}
		decode(dst, raw)
		return nil
	}
	at := floatReader(t.dtype, raw)
	var have int
	switch d := dst.(type) {
	case []float32:
		have = len(d)
		for k := 0; at != nil && have == n && k < n; k++ {
			d[k] = float32(at(k))
		}
	case []float64:
		have = len(d)
		for k := 0; at != nil && have == n && k < n; k++ {
			d[k] = at(k)
		}
	default:
		at = nil
	}
	if at == nil {
		return fmt.Errorf("%w: tensor %q is %v, the destination %T", ErrShape, t.name, t.dtype, dst)
	}
	if have != n {
		return fmt.Errorf("%w: tensor %q has %d elements, the destination %d", ErrShape, t.name, n, have)
	}
	return nil
}
