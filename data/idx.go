package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"strings"
)

// maxFile bounds the bytes of one data file after decompression.
const maxFile = 8 << 30

const idxUbyte = 8 // the element type code of unsigned bytes

// ReadIDX reads an IDX file of unsigned bytes: its dimensions and values,
// row-major. name stands in messages. The header's size must be that of the
// content; nothing is allocated on its word alone.
func ReadIDX(r io.Reader, name string) (dims []int, values []uint8, err error) {
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return nil, nil, cut(err, name, "file ends after %d bytes, before the magic number", n)
	}
	switch rank := int(head[3]); {
	case head[0] != 0 || head[1] != 0:
		return nil, nil, bad(name, "magic number %#08x is not that of an IDX file", binary.BigEndian.Uint32(head[:]))
	case head[2] != idxUbyte:
		return nil, nil, bad(name, "element type %#02x, only unsigned bytes (0x08) are supported", head[2])
	case rank == 0 || rank > 8:
		return nil, nil, bad(name, "%d dimensions", rank)
	}
	size := uint64(1)
	for i := range int(head[3]) {
		var d [4]byte
		if _, err := io.ReadFull(r, d[:]); err != nil {
			return nil, nil, cut(err, name, "file ends in dimension %d", i)
		}
		n := binary.BigEndian.Uint32(d[:])
		high, low := bits.Mul64(size, uint64(n))
		if size = low; high != 0 || size > maxFile || uint64(int(size)) != size || int(n) < 0 {
			return nil, nil, bad(name, "dimensions %v x %d exceed the limit of %d bytes", dims, n, int64(maxFile))
		}
		dims = append(dims, int(n))
	}
	values, err = readExactly(r, name, int64(size))
	return dims, values, err
}

// cut turns the end of a file into an error about its content.
func cut(err error, name, format string, args ...any) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad(name, format, args...)
	}
	return about(err, name)
}

// about leaves errors of the file system alone; others, of decompression, are
// the content's fault.
func about(err error, name string) error {
	if system := (*fs.PathError)(nil); errors.As(err, &system) {
		return err
	}
	return bad(name, "%v", err)
}

// readExactly reads size bytes and the end of the file. Memory grows with what
// arrives.
func readExactly(r io.Reader, name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(size, 1<<19)) + bytes.MinRead)
	n, err := io.Copy(&b, io.LimitReader(r, size+1))
	switch {
	case err != nil && (errors.Is(err, io.ErrUnexpectedEOF) || n < size):
		return nil, cut(err, name, "file ends after %d of %d values", n, size)
	case err != nil:
		return nil, about(err, name)
	case n < size:
		return nil, bad(name, "file ends after %d of %d values", n, size)
	case n > size:
		return nil, bad(name, "bytes behind the %d values that its header announces", size)
	}
	return b.Bytes(), nil
}

// WriteIDX writes unsigned bytes of the given dimensions in IDX format.
func WriteIDX(w io.Writer, dims []int, values []uint8) error {
	head := []byte{0, 0, idxUbyte, byte(len(dims))}
	n := 1
	for _, d := range dims {
		n *= d
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	if n != len(values) || len(dims) == 0 || len(dims) > 8 {
		return fmt.Errorf("%w: %d values do not have dimensions %v", ErrData, len(values), dims)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(values)
	return err
}

// openFile opens a file, decompressed where its name ends in .gz.
func openFile(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".gz") {
		return struct {
			io.Reader
			io.Closer
		}{bufio.NewReaderSize(f, 1<<16), f}, nil
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		f.Close()
		return nil, cut(err, name, "file ends in its gzip header")
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}
