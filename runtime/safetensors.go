package mlrt

import (
	"errors"
	"io"
	"math/bits"
	"slices"
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

// ReadFile reads a safetensors file whole. It refuses what the format forbids:
// a header that is no JSON of the right form, duplicate names, offsets that
// overlap, leave holes or lie outside the file; and, where the file has
// checksums, a tensor or header that differs from them. Errors name the tensor
// and wrap ErrWeights, except those of r itself.
func ReadFile(r io.Reader) (*File, error) {
	var size [8]byte
	if n, err := io.ReadFull(r, size[:]); err != nil {
		return nil, readError(err, "file ends after ", n, " bytes, before the size of its header")
	}
	n := uint64At(size[:])
	if n > MaxHeader {
		return nil, damaged("header of ", n, " bytes, the limit is ", MaxHeader)
	}
	header, err := readUpTo(r, int64(n))
	if err != nil {
		return nil, err
	}
	if int64(len(header)) < int64(n) {
		return nil, damaged("file ends in its header: ", len(header), " of ", n, " bytes")
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
func readError(err error, parts ...any) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(parts...)
	}
	return err
}

// readUpTo reads n bytes, fewer at the end of r. Memory is taken for what r is known
// to have, or else grows with what really arrives, so that a lying header costs nothing.
func readUpTo(r io.Reader, n int64) ([]byte, error) {
	size := min(n, 1<<20)
	if holds(r, n) {
		size = n
	}
	b := make([]byte, 0, size)
	for int64(len(b)) < n {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(n, 2*int64(cap(b)))), b...)
		}
		k, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+k]
		if err == io.EOF {
			break
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// holds reports whether r is a file, or like one, with n more bytes at least.
func holds(r io.Reader, n int64) bool {
	s, ok := r.(io.Seeker)
	if !ok {
		return false
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return false
	}
	_, err = s.Seek(at, io.SeekStart)
	return err == nil && end-at >= n
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
			return damaged("tensor ", quoted(t.name), ": file ends after ", max(0, have-t.begin), " of its ", t.end-t.begin, " bytes")
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
			return 0, damaged("tensors ", quoted(order[i-1].name), " and ", quoted(t.name), " overlap")
		case t.begin > at:
			return 0, damaged("tensor ", quoted(t.name), ": hole of ", t.begin-at, " bytes before it")
		}
		at = t.end
	}
	if int64(int(at)) != at {
		return 0, damaged(at, " bytes of data are more than this machine can address")
	}
	return at, nil
}

// Bytes returns elem times the product of dims. Negative dimensions and results
// above MaxBytes, or above what this machine can address, are errors.
func Bytes(elem int, dims ...int) (int64, error) {
	n, huge := uint64(elem), false
	for _, d := range dims {
		if d < 0 {
			return 0, failed(ErrShape, "negative dimension ", d)
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
		return 0, failed(ErrShape, dims, " elements of ", elem, " bytes exceed the limit of ", int64(MaxBytes), " bytes")
	}
	return int64(n), nil
}

// Append adds the tensors of another file, such as a model's next shard. A name
// that both have is an error.
func (f *File) Append(other *File) error {
	for _, t := range other.tensors {
		if f.Find(t.name) >= 0 {
			return damaged("two files have a tensor ", quoted(t.name))
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
			return failed(ErrShape, "tensor ", quoted(t.name), " has ", n, " elements, the destination ", have)
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
		return failed(ErrShape, "tensor ", quoted(t.name), " is ", t.dtype, ", the destination ", typeOf{dst})
	}
	if have != n {
		return failed(ErrShape, "tensor ", quoted(t.name), " has ", n, " elements, the destination ", have)
	}
	return nil
}
