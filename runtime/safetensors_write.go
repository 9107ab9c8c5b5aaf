package mlrt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Checksums live in the metadata: one for each tensor's bytes and one, the
// manifest, for everything else in the header.
const (
	manifestKey  = "mlc.sha256"
	tensorKey    = "mlc.sha256/"
	encodedChunk = 16 << 10 // elements encoded at once
)

// WriteFile writes a safetensors file: the tensors in the order given, metadata
// sorted by key, with a SHA-256 for each tensor and for the header. Equal input
// gives equal bytes. Metadata keys that start with "mlc.sha256" are reserved.
func WriteFile(w io.Writer, metadata map[string]string, tensors []Stored) error {
	entries, err := layOut(tensors)
	if err != nil {
		return err
	}
	meta := make(map[string]string, len(metadata)+len(tensors)+1)
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		if strings.HasPrefix(k, manifestKey) {
			return fmt.Errorf("%w: metadata key %q is reserved", ErrWeights, k)
		}
		meta[k] = metadata[k]
	}
	for _, t := range tensors {
		h := sha256.New()
		if err := writeData(h, t); err != nil {
			return err
		}
		meta[tensorKey+t.Name] = sum(h)
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
			return nil, fmt.Errorf("%w: tensor name %q is reserved or occurs twice", ErrWeights, t.Name)
		case err != nil:
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		case len(t.Shape) > maxRank:
			return nil, fmt.Errorf("%w: tensor %q has more than %d dimensions", ErrShape, t.Name, maxRank)
		case !ok:
			return nil, fmt.Errorf("%w: tensor %q is %v, its data %T", ErrShape, t.Name, t.DType, t.Data)
		case int64(n)*int64(t.DType.Size()) != size:
			return nil, fmt.Errorf("%w: tensor %q of shape %v has %d elements", ErrShape, t.Name, t.Shape, n)
		case at+size > MaxBytes:
			return nil, fmt.Errorf("%w: more than %d bytes of data", ErrWeights, int64(MaxBytes))
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

// marshalHeader returns the size and the JSON, padded to eight bytes.
func marshalHeader(meta map[string]string, entries []entry) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteString(`{"__metadata__":{`)
	for i, k := range slices.Sorted(maps.Keys(meta)) {
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(&b, k)
		b.WriteByte(':')
		writeText(&b, meta[k])
	}
	b.WriteByte('}')
	for _, e := range entries {
		b.WriteByte(',')
		writeText(&b, e.name)
		fmt.Fprintf(&b, `:{"dtype":%q,"shape":[`, dtypeNames[e.dtype])
		for i, d := range e.shape {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa(d))
		}
		fmt.Fprintf(&b, `],"data_offsets":[%d,%d]}`, e.begin, e.end)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - 8
	if n > MaxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes, the limit is %d", ErrWeights, n, MaxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// writeText writes s as a JSON string; invalid UTF-8 becomes U+FFFD.
func writeText(b *bytes.Buffer, s string) {
	text, _ := json.Marshal(s) // a string always has a JSON form
	b.Write(text)
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// manifest is the SHA-256 of the metadata, sorted, and of each tensor's place.
// Quoting makes the text unambiguous.
func manifest(meta map[string]string, entries []entry) string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		if k != manifestKey {
			fmt.Fprintf(h, "%q=%q\n", k, meta[k])
		}
	}
	for _, e := range entries {
		fmt.Fprintf(h, "%q %s %d %d %d\n", e.name, dtypeNames[e.dtype], e.shape, e.begin, e.end)
	}
	return sum(h)
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
		return damaged("header: SHA-256 differs")
	}
	for _, t := range f.tensors {
		h := sha256.New()
		h.Write(f.data[t.begin:t.end])
		if f.Metadata[tensorKey+t.name] != sum(h) {
			return damaged("tensor %q: SHA-256 differs", t.name)
		}
	}
	maps.DeleteFunc(f.Metadata, func(k, _ string) bool { return strings.HasPrefix(k, manifestKey) })
	return nil
}
