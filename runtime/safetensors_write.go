package mlrt

import (
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Checksums live in the metadata: one for each tensor's bytes and one, the
// manifest, for everything else in the header. They find damage, as the checksums
// of TensorFlow's checkpoints do; they are no proof against who writes the file,
// since a digest in the file itself could not be one either.
const (
	manifestKey  = "mlc.crc32c"
	tensorKey    = "mlc.crc32c/"
	encodedChunk = 16 << 10 // elements encoded at once
)

// WriteFile writes a safetensors file: the tensors in the order given, metadata
// sorted by key, with a CRC-32C for each tensor and for the header. Equal input
// gives equal bytes. Metadata keys that start with "mlc.crc32c" are reserved.
func WriteFile(w io.Writer, metadata map[string]string, tensors []Stored) error {
	entries, err := layOut(tensors)
	if err != nil {
		return err
	}
	meta := make(map[string]string, len(metadata)+len(tensors)+1)
	for _, k := range sortedKeys(metadata) {
		if strings.HasPrefix(k, manifestKey) {
			return damaged("metadata key ", quoted(k), " is reserved")
		}
		meta[k] = metadata[k]
	}
	for _, t := range tensors {
		var c checksum
		if err := writeData(&c, t); err != nil {
			return err
		}
		meta[tensorKey+t.Name] = c.String()
	}
	meta[manifestKey] = manifest(meta, entries)
	header, err := marshalHeader(meta, entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := writeData(w, t); err != nil {
			return err
		}
	}
	return nil
}

// layOut places the tensors one after another and checks them.
func layOut(tensors []Stored) ([]entry, error) {
	seen := map[string]bool{"__metadata__": true}
	entries := make([]entry, len(tensors))
	var at int64
	for i, t := range tensors {
		size, err := Bytes(t.DType.Size(), t.Shape...)
		n, ok := t.DType.Len(t.Data)
		switch {
		case seen[t.Name]:
			return nil, damaged("tensor name ", quoted(t.Name), " is reserved or occurs twice")
		case err != nil:
			return nil, &failure{text("tensor ", quoted(t.Name), ": ", err), err}
		case len(t.Shape) > maxRank:
			return nil, failed(ErrShape, "tensor ", quoted(t.Name), " has more than ", maxRank, " dimensions")
		case !ok:
			return nil, failed(ErrShape, "tensor ", quoted(t.Name), " is ", t.DType, ", its data ", typeOf{t.Data})
		case int64(n)*int64(t.DType.Size()) != size:
			return nil, failed(ErrShape, "tensor ", quoted(t.Name), " of shape ", t.Shape, " has ", n, " elements")
		case at+size > MaxBytes:
			return nil, damaged("more than ", int64(MaxBytes), " bytes of data")
		}
		seen[t.Name] = true
		entries[i] = entry{t.Name, t.DType, t.Shape, at, at + size}
		at += size
	}
	return entries, nil
}

// writeData writes a tensor's bytes in chunks.
func writeData(w io.Writer, t Stored) error {
	n, _ := t.DType.Len(t.Data)
	buf := make([]byte, 0, t.DType.Size()*min(n, encodedChunk))
	for lo := 0; lo < n; lo += encodedChunk {
		if _, err := w.Write(encode(buf, t.DType, t.Data, lo, min(n, lo+encodedChunk))); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// checksum is the CRC-32C (RFC 3720, appendix B.4) of what is written to it.
type checksum uint32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c *checksum) Write(p []byte) (int, error) {
	*c = checksum(crc32.Update(uint32(*c), castagnoli, p))
	return len(p), nil
}

// String returns the sum in hexadecimal digits.
func (c checksum) String() string { return strconv.FormatUint(uint64(c), 16) }

// manifest is the checksum of the metadata, sorted, and of each tensor's place.
// Quoting makes the text unambiguous.
func manifest(meta map[string]string, entries []entry) string {
	var c checksum
	for _, k := range sortedKeys(meta) {
		if k != manifestKey {
			io.WriteString(&c, text(quoted(k), "=", quoted(meta[k]), "\n")) // never fails
		}
	}
	for _, e := range entries {
		io.WriteString(&c, text(quoted(e.name), " ", dtypeNames[e.dtype], " ", e.shape, " ", e.begin, " ", e.end, "\n"))
	}
	return c.String()
}

// verify compares the file with its checksums and takes them out of Metadata. A
// file of another program has none; one that has any must have all.
func (f *File) verify() error {
	summed := false
	for k := range f.Metadata {
		summed = summed || strings.HasPrefix(k, manifestKey)
	}
	if !summed {
		return nil
	}
	if f.Metadata[manifestKey] != manifest(f.Metadata, f.tensors) {
		return damaged("header: checksum differs")
	}
	for _, t := range f.tensors {
		sum := checksum(crc32.Checksum(f.data[t.begin:t.end], castagnoli))
		if f.Metadata[tensorKey+t.name] != sum.String() {
			return damaged("tensor ", quoted(t.name), ": checksum differs")
		}
	}
	maps.DeleteFunc(f.Metadata, func(k, _ string) bool { return strings.HasPrefix(k, manifestKey) })
	return nil
}
