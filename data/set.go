package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Column describes one column of a set.
type Column struct {
	Name       string
	DType      mlrt.DType // of the stored values: Uint8, Int32, Float32 or Float64
	Shape      []int      // of one sample; empty for a single number
	Classes    int        // above 0: the column holds class indices below Classes
	ClassNames []string   // of a column of class indices; may be nil
}

// elements returns the number of elements of a sample.
func (c *Column) elements() int {
	n := 1
	for _, d := range c.Shape {
		n *= d
	}
	return n
}

// column is a Column with its values, row-major, and its preprocessing.
type column struct {
	Column
	bytes    []uint8
	ints     []int32
	singles  []float32
	doubles  []float64
	size     int // elements of a sample
	scaling  *Scaling
	prepared []float32 // of bytes: the value of each byte at each element
}

// Set is a finite set of samples in named columns, held in memory in the form
// of its files; samples are converted when they are read. Reading is safe from
// several goroutines. Sets made by Select share the values.
type Set struct {
	name    string // for messages
	columns []*column
	rows    []int // of a selection; nil: all
	n       int
}

// NewSet returns a set of the given columns. values holds a slice for each: the
// DType's Go type, samples one after another. The slices are kept, not copied.
// Values that are NaN or infinite and class indices out of range are errors; so
// are columns of different lengths.
func NewSet(name string, columns []Column, values []any) (*Set, error) {
	s := &Set{name: name, n: -1}
	for i, c := range columns {
		col := &column{Column: c, size: c.elements()}
		ok := true
		switch v := values[i].(type) {
		case []uint8:
			col.bytes, ok = v, c.DType == mlrt.Uint8
		case []int32:
			col.ints, ok = v, c.DType == mlrt.Int32
		case []float32:
			col.singles, ok = v, c.DType == mlrt.Float32
		case []float64:
			col.doubles, ok = v, c.DType == mlrt.Float64
		default:
			ok = false
		}
		n, _ := c.DType.Len(values[i])
		if !ok || col.size == 0 || n%col.size != 0 {
			return nil, bad(name, "column %q: %d values of %T are not samples of %v%v", c.Name, n, values[i], c.DType, c.Shape)
		}
		if n /= col.size; s.n >= 0 && n != s.n {
			return nil, bad(name, "column %q has %d samples, column %q %d", c.Name, n, columns[0].Name, s.n)
		}
		s.n = n
		if err := col.check(name, n); err != nil {
			return nil, err
		}
		s.columns = append(s.columns, col)
	}
	s.n = max(s.n, 0)
	return s, nil
}

// check refuses NaN, infinities and class indices out of range.
func (c *column) check(name string, n int) error {
	for i := range n * c.size {
		v := c.at(i)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return bad(name, "column %q, sample %d: the value is %v", c.Name, i/c.size, v)
		}
		if c.Classes > 0 && (v < 0 || v >= float64(c.Classes)) {
			return bad(name, "column %q, sample %d: label %v out of range, there are %d classes", c.Name, i/c.size, v, c.Classes)
		}
		if c.bytes != nil && c.Classes == 0 {
			break // any byte is a good value
		}
	}
	return nil
}

// at returns the stored value i.
func (c *column) at(i int) float64 {
	switch {
	case c.bytes != nil:
		return float64(c.bytes[i])
	case c.ints != nil:
		return float64(c.ints[i])
	case c.singles != nil:
		return float64(c.singles[i])
	}
	return c.doubles[i]
}

// Len returns the number of samples.
func (s *Set) Len() int { return s.n }

// Name returns the name that messages use: a file or folder.
func (s *Set) Name() string { return s.name }

// Columns describes the columns. The shapes must not be changed.
func (s *Set) Columns() []Column {
	list := make([]Column, len(s.columns))
	for i, c := range s.columns {
		list[i] = c.Column
	}
	return list
}

// Find returns the number of the column called name, -1 if there is none.
func (s *Set) Find(name string) int {
	return slices.IndexFunc(s.columns, func(c *column) bool { return c.Name == name })
}

// Select returns the set of the given samples, in that order.
func (s *Set) Select(samples []int) *Set {
	t := *s
	t.rows, t.n = make([]int, len(samples)), len(samples)
	for i, k := range samples {
		t.rows[i] = s.row(k)
	}
	return &t
}

// row returns where sample i is stored.
func (s *Set) row(i int) int {
	if s.rows != nil {
		return s.rows[i]
	}
	if uint(i) >= uint(s.n) {
		panic(fmt.Sprintf("data: sample %d of %d", i, s.n))
	}
	return i
}

// Read copies column c of the given samples, one after another, into dst: a
// []float32, []float64, []int64, []int32, []int16, []int8, []uint8 or []bool of
// len(samples) times the column's elements. Float destinations get preprocessed
// values, rounded once; integers get what is stored, and a stored value that the
// type cannot hold is an error.
func (s *Set) Read(c int, samples []int, dst any) error {
	col := s.columns[c]
	switch d := dst.(type) {
	case []float32:
		return s.readFloat32(col, samples, d)
	case []float64:
		return readFloats(s, col, samples, d)
	case []int64:
		return readInts(s, col, samples, d, math.MinInt64, 1<<63-1024)
	case []int32:
		return readInts(s, col, samples, d, math.MinInt32, math.MaxInt32)
	case []int16:
		return readInts(s, col, samples, d, math.MinInt16, math.MaxInt16)
	case []int8:
		return readInts(s, col, samples, d, math.MinInt8, math.MaxInt8)
	case []uint8:
		return readInts(s, col, samples, d, 0, math.MaxUint8)
	case []bool:
		if err := s.fits(col, samples, len(d)); err != nil {
			return err
		}
		for i := range d {
			d[i] = col.at(s.row(samples[i/col.size])*col.size+i%col.size) != 0
		}
		return nil
	}
	return fmt.Errorf("%w: column %q cannot be read into %T", mlrt.ErrShape, col.Name, dst)
}

func (s *Set) fits(col *column, samples []int, have int) error {
	if want := len(samples) * col.size; have != want {
		return fmt.Errorf("%w: %d samples of column %q have %d elements, the destination %d", mlrt.ErrShape, len(samples), col.Name, want, have)
	}
	return nil
}

// readFloat32 has short cuts for bytes, which images are.
func (s *Set) readFloat32(col *column, samples []int, dst []float32) error {
	if col.bytes == nil {
		return readFloats(s, col, samples, dst)
	}
	if err := s.fits(col, samples, len(dst)); err != nil {
		return err
	}
	for i, k := range samples {
		from := s.row(k) * col.size
		out := dst[i*col.size : (i+1)*col.size]
		src := col.bytes[from : from+col.size][:len(out)]
		if i+1 < len(samples) { // shuffled samples lie anywhere, so their memory is far
			next := s.row(samples[i+1]) * col.size
			mlrt.Prefetch(col.bytes[next : next+col.size])
		}
		switch {
		case col.scaling == nil:
			for j, v := range src {
				out[j] = float32(v)
			}
		case len(col.prepared) == 256:
			lookUp(out, src, (*[256]float32)(col.prepared))
		case col.prepared != nil:
			for j, v := range src {
				out[j] = col.prepared[j<<8|int(v)]
			}
		default:
			for j, v := range src {
				out[j] = float32(col.scaling.apply(float64(v), j))
			}
		}
	}
	return nil
}

// lookUp replaces bytes by what a table has for them. It reads eight at a time:
// a batch of images is a noticeable part of a small model's step.
func lookUp(dst []float32, src []byte, table *[256]float32) {
	whole := len(src) &^ 7
	for j := 0; j < whole; j += 8 {
		w, d := binary.LittleEndian.Uint64(src[j:j+8]), (*[8]float32)(dst[j:j+8])
		d[0] = table[byte(w)]
		d[1] = table[byte(w>>8)]
		d[2] = table[byte(w>>16)]
		d[3] = table[byte(w>>24)]
		d[4] = table[byte(w>>32)]
		d[5] = table[byte(w>>40)]
		d[6] = table[byte(w>>48)]
		d[7] = table[byte(w>>56)]
	}
	for j := whole; j < len(src); j++ {
		dst[j] = table[src[j]]
	}
}

func readFloats[T float32 | float64](s *Set, col *column, samples []int, dst []T) error {
	if err := s.fits(col, samples, len(dst)); err != nil {
		return err
	}
	for i, k := range samples {
		from := s.row(k) * col.size
		for j := range col.size {
			v := col.at(from + j)
			if col.scaling != nil {
				v = col.scaling.apply(v, j)
			}
			dst[i*col.size+j] = T(v)
		}
	}
	return nil
}

func readInts[T int64 | int32 | int16 | int8 | uint8](s *Set, col *column, samples []int, dst []T, lowest, highest float64) error {
	if err := s.fits(col, samples, len(dst)); err != nil {
		return err
	}
	for i, k := range samples {
		from := s.row(k) * col.size
		for j := range col.size {
			v := col.at(from + j)
			if v < lowest || v > highest || v != math.Floor(v) {
				return bad(s.name, "column %q, sample %d: %v does not fit %T", col.Name, k, v, dst[0])
			}
			dst[i*col.size+j] = T(v)
		}
	}
	return nil
}

// Fingerprint returns two checksums, CRC-32C and CRC-32 (IEEE 802.3), of the columns'
// descriptions and the stored values in the order of the samples: 16 hexadecimal
// digits. Equal data has equal ones; it takes a tenth of the time of a SHA-256.
func (s *Set) Fingerprint() string {
	a, b := crc32.New(crc32.MakeTable(crc32.Castagnoli)), crc32.NewIEEE()
	h := bufio.NewWriterSize(io.MultiWriter(a, b), 1<<14)
	for _, c := range s.columns {
		fmt.Fprintf(h, "%q %v %d %d %d\n", c.Name, c.DType, c.Shape, c.Classes, s.n)
		buf := make([]byte, 0, 8*c.size)
		for k := range s.n {
			from := s.row(k) * c.size
			if c.bytes != nil {
				h.Write(c.bytes[from : from+c.size])
				continue
			}
			buf = buf[:0]
			for j := range c.size {
				buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(c.at(from+j)))
			}
			h.Write(buf)
		}
	}
	h.Flush() // hashes never fail
	return fmt.Sprintf("%08x%08x", a.Sum32(), b.Sum32())
}
