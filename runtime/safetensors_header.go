package mlrt

import (
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"
)

// parseHeader reads the header: an object of tensors and of metadata. Its fixed
// form bounds the depth.
func (f *File) parseHeader(header []byte) error {
	if !utf8.Valid(header) {
		return damaged("header is not UTF-8")
	}
	d := headerReader{text: header}
	seen := map[string]bool{}
	err := d.object(func(name string) error {
		if seen[name] {
			return unexpected(quoted(name), " occurs twice")
		}
		seen[name] = true
		if name == "__metadata__" {
			f.Metadata = map[string]string{}
			return d.metadata(f.Metadata)
		}
		t := entry{name: name, begin: -1}
		if err := d.tensor(&t); err != nil {
			return &failure{text("tensor ", quoted(name), ": ", err), err}
		}
		f.tensors = append(f.tensors, t)
		return nil
	})
	if err == nil && d.next() != 0 {
		err = errors.New("text behind the closing brace")
	}
	if err != nil {
		return damaged("header: ", err)
	}
	return nil
}

func unexpected(parts ...any) error { return errors.New(text(parts...)) }

// headerReader reads a header's JSON, as RFC 8259 has it: what is no JSON, or has
// another form than safetensors files have, is an error. Package encoding/json
// would accept names that occur twice and forget their order.
type headerReader struct {
	text []byte // valid UTF-8
	at   int
}

// next skips white space and returns the byte behind it, 0 at the end.
func (d *headerReader) next() byte {
	for d.at < len(d.text) {
		switch c := d.text[d.at]; c {
		case ' ', '\t', '\n', '\r':
			d.at++
		case 0:
			return utf8.RuneSelf // no JSON either
		default:
			return c
		}
	}
	return 0
}

// take takes c if it is next.
func (d *headerReader) take(c byte) bool {
	if d.next() != c {
		return false
	}
	d.at++
	return true
}

// want takes c, which must be next.
func (d *headerReader) want(c byte) error {
	if !d.take(c) {
		return d.missing(string(c))
	}
	return nil
}

// missing is the error where something else should be.
func (d *headerReader) missing(what string) error {
	if d.next() == 0 {
		return unexpected("have EOF where ", what, " should be")
	}
	_, size := utf8.DecodeRune(d.text[d.at:])
	return unexpected("have ", string(d.text[d.at:d.at+size]), " where ", what, " should be")
}

// list reads what begins and ends with the given bytes and has commas between its
// elements; it calls element at each.
func (d *headerReader) list(begin, end byte, element func() error) error {
	if err := d.want(begin); err != nil || d.take(end) {
		return err
	}
	for {
		if err := element(); err != nil || d.take(end) {
			return err
		}
		if !d.take(',') {
			return d.missing(", or " + string(end))
		}
	}
}

// object reads {...} and calls member at each value.
func (d *headerReader) object(member func(name string) error) error {
	return d.list('{', '}', func() error {
		name, err := d.string()
		if err == nil {
			err = d.want(':')
		}
		if err != nil {
			return err
		}
		return member(name)
	})
}

func (d *headerReader) string() (string, error) {
	if !d.take('"') {
		return "", d.missing("a string")
	}
	var s []byte
	for d.at < len(d.text) {
		c := d.text[d.at]
		d.at++
		switch {
		case c == '"':
			return string(s), nil
		case c == '\\':
			r, ok := d.escape()
			if !ok {
				return "", errors.New("a string has an escape that JSON does not know")
			}
			s = utf8.AppendRune(s, r)
		case c < ' ':
			return "", errors.New("a string has a control character")
		default:
			s = append(s, c)
		}
	}
	return "", errors.New("have EOF in a string")
}

// escape reads what follows a backslash. Halves of a surrogate pair without the
// other one stand for U+FFFD.
func (d *headerReader) escape() (r rune, ok bool) {
	if d.at == len(d.text) {
		return 0, false
	}
	c := d.text[d.at]
	d.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return d.unicode()
	}
	return 0, false
}

// unicode reads the four digits of an escape, and a second escape where the first
// is the high half of a pair.
func (d *headerReader) unicode() (r rune, ok bool) {
	if r, ok = hexadecimal(d.text, d.at); !ok {
		return 0, false
	}
	d.at += 4
	if r < 0xd800 || r >= 0xdc00 || d.at+1 >= len(d.text) || d.text[d.at] != '\\' || d.text[d.at+1] != 'u' {
		return r, true
	}
	if low, ok := hexadecimal(d.text, d.at+2); ok && low >= 0xdc00 && low < 0xe000 {
		d.at += 6
		return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), true
	}
	return r, true
}

func hexadecimal(text []byte, at int) (r rune, ok bool) {
	if at+4 > len(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[at:at+4]), 16, 16)
	return rune(n), err == nil
}

// numbers reads an array of at most limit whole numbers, none negative.
func (d *headerReader) numbers(limit int) ([]int64, error) {
	v := []int64{}
	err := d.list('[', ']', func() error {
		n, err := d.number()
		if err == nil && len(v) == limit {
			err = unexpected("more than ", limit, " numbers")
		}
		v = append(v, n)
		return err
	})
	return v, err
}

func (d *headerReader) number() (int64, error) {
	if c := d.next(); c != '-' && (c < '0' || c > '9') {
		return 0, d.missing("a whole number")
	}
	begin := d.at
	for d.at < len(d.text) && slices.Contains([]byte("+-.0123456789Ee"), d.text[d.at]) {
		d.at++
	}
	s := string(d.text[begin:d.at])
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || len(s) > 1 && s[0] == '0' {
		return 0, unexpected("have ", s, " where a whole number should be")
	}
	return int64(n), nil
}

func (d *headerReader) metadata(m map[string]string) error {
	return d.object(func(key string) error {
		if _, twice := m[key]; twice {
			return unexpected("metadata ", quoted(key), " occurs twice")
		}
		s, err := d.string()
		m[key] = s
		return err
	})
}

func (d *headerReader) tensor(t *entry) error {
	var have [3]bool
	err := d.object(func(key string) error {
		i := slices.Index([]string{"dtype", "shape", "data_offsets"}, key)
		if i < 0 || have[i] {
			return unexpected("unknown or repeated member ", quoted(key))
		}
		have[i] = true
		switch key {
		case "dtype":
			s, err := d.string()
			if err != nil {
				return err
			}
			k := slices.Index(dtypeNames[1:], s)
			if k < 0 {
				return unexpected("element type ", quoted(s), " is not supported")
			}
			t.dtype = DType(k + 1)
		case "shape":
			dims, err := d.numbers(maxRank)
			for _, n := range dims {
				if int64(int(n)) != n {
					return unexpected("dimension ", n, " is too large")
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
		return unexpected("offsets [", t.begin, ", ", t.end, "] do not fit its ", size, " bytes")
	}
	return nil
}

// marshalHeader returns the size and the JSON, padded to eight bytes.
func marshalHeader(meta map[string]string, entries []entry) ([]byte, error) {
	b := append(make([]byte, 8), `{"__metadata__":{`...)
	for i, k := range sortedKeys(meta) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, meta[k])
	}
	b = append(b, '}')
	for _, e := range entries {
		b = append(b, ',')
		b = appendString(b, e.name)
		b = append(b, `:{"dtype":"`+dtypeNames[e.dtype]+`","shape":[`...)
		for i, d := range e.shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(d), 10)
		}
		b = append(b, text(`],"data_offsets":[`, e.begin, ",", e.end, "]}")...)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	n := len(b) - 8
	if n > MaxHeader {
		return nil, damaged("header of ", n, " bytes, the limit is ", MaxHeader)
	}
	copy(b, appendUint64(nil, uint64(n)))
	return b, nil
}

// appendString adds s as a JSON string; invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', '0'+byte(r>>4), "0123456789abcdef"[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
