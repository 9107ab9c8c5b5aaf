package mlrt

import (
	"errors"
	"reflect"
	"strconv"
)

// The kinds of errors that callers may test for with errors.Is.
var (
	// ErrShape: a slice or tensor of the wrong length, shape or dtype.
	ErrShape = errors.New("wrong shape")
	// ErrWeights: a weights file that is damaged, too large, or of another model.
	ErrWeights = errors.New("unusable weights file")
	// ErrNotFinite: a loss that is NaN or infinite.
	ErrNotFinite = errors.New("loss is not finite")
)

// failure is an error with all of its text; errors.Is finds cause in it.
type failure struct {
	text  string
	cause error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.cause }

// failed is an error of a kind: the kind's text, a colon and the text of parts.
func failed(kind error, parts ...any) error {
	return &failure{kind.Error() + ": " + text(parts...), kind}
}

func damaged(parts ...any) error { return failed(ErrWeights, parts...) }

// quoted is a name in a message, in quotes.
type quoted string

// typeOf is the Go type of a value in a message.
type typeOf struct{ value any }

// text joins the parts of a message. Package fmt would do more and lengthen the first
// build of every generated package.
func text(parts ...any) string {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case quoted:
			b = strconv.AppendQuote(b, string(p))
		case int:
			b = strconv.AppendInt(b, int64(p), 10)
		case int64:
			b = strconv.AppendInt(b, p, 10)
		case uint64:
			b = strconv.AppendUint(b, p, 10)
		case float32:
			b = strconv.AppendFloat(b, float64(p), 'g', -1, 32)
		case float64:
			b = strconv.AppendFloat(b, p, 'g', -1, 64)
		case []int:
			b = appendShape(b, p)
		case DType:
			b = append(b, p.String()...)
		case error:
			b = append(b, p.Error()...)
		case typeOf:
			if p.value == nil {
				b = append(b, "nil"...)
			} else {
				b = append(b, reflect.TypeOf(p.value).String()...)
			}
		default:
			panic("mlrt: a message has a " + reflect.TypeOf(p).String())
		}
	}
	return string(b)
}

// appendShape adds a shape such as [2 3].
func appendShape(b []byte, shape []int) []byte {
	b = append(b, '[')
	for i, d := range shape {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	return append(b, ']')
}
