package data

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// The columns of text: token numbers, how many of them are no padding, and, of
// running text, the tokens that follow.
const (
	TokenColumn  = "tokens"
	LengthColumn = "lengths"
	NextColumn   = "targets"
)

// Defaults of Options.Context and Options.Vocabulary.
const (
	defaultContext    = 64
	defaultVocabulary = 10000
)

// The first two tokens of a vocabulary of words.
const (
	padding = iota // behind the end of a text
	unknown        // any word that is not in the vocabulary
	firstWord
)

// Text says how text becomes token numbers: the index of a character of running
// text, or of a word of a table's column, in the vocabulary.
type Text struct {
	Words      bool     `json:"words,omitempty"` // else characters
	Vocabulary []string `json:"vocabulary"`
	Context    int      `json:"context"` // tokens of a sample
}

// index returns the number of each token.
func (t *Text) index() map[string]int32 {
	numbers := make(map[string]int32, len(t.Vocabulary))
	for i, token := range t.Vocabulary {
		numbers[token] = int32(i)
	}
	return numbers
}

// Encode returns the token numbers of a text. A character that the vocabulary
// lacks is an error, a word is "unknown".
func (t *Text) Encode(name, text string) ([]int32, error) {
	numbers := t.index()
	if t.Words {
		return encodeWords(numbers, text), nil
	}
	ids := make([]int32, 0, len(text))
	line := 1
	for _, c := range text {
		id, ok := numbers[string(c)]
		if !ok {
			return nil, bad(name, "line %d: the training text does not have the character %q", line, c)
		}
		if c == '\n' {
			line++
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func encodeWords(numbers map[string]int32, text string) []int32 {
	var ids []int32
	for _, w := range words(text) {
		id, ok := numbers[w]
		if !ok {
			id = unknown
		}
		ids = append(ids, id)
	}
	return ids
}

// Decode returns the text of token numbers; words stand apart.
func (t *Text) Decode(ids []int32) string {
	var b strings.Builder
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.Vocabulary) {
			continue
		}
		if t.Words && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.Vocabulary[id])
	}
	return b.String()
}

// words splits a text into runs of letters and digits, in lower case, and other
// signs one by one.
func words(text string) (list []string) {
	text = strings.ToLower(text)
	in := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '\'' }
	for text != "" {
		end := strings.IndexFunc(text, func(c rune) bool { return !in(c) })
		switch c, size := utf8.DecodeRuneInString(text); {
		case end < 0:
			return append(list, text)
		case end > 0:
			list, text = append(list, text[:end]), text[end:]
		case unicode.IsSpace(c):
			text = text[size:]
		default:
			list, text = append(list, text[:size]), text[size:]
		}
	}
	return list
}

// countWords returns the most frequent words of texts, at most size with the two
// special ones; of equally frequent ones the first in the alphabet.
func countWords(texts []string, size int) []string {
	counts := map[string]int{}
	for _, text := range texts {
		for _, w := range words(text) {
			counts[w]++
		}
	}
	return mostFrequent(counts, size)
}

// mostFrequent returns a vocabulary of at most size words by how often they stand.
func mostFrequent(counts map[string]int, size int) []string {
	list := make([]string, 0, len(counts))
	for w := range counts {
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	return append([]string{"", "?"}, list[:min(len(list), size-firstWord)]...)
}

// openText reads running text: each sample is Context characters, and as
// targets those that follow each of them. The end of the file is the test set.
func openText(path string, o *Options) (*Source, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	t := &Transform{Text: &Text{Context: cmp.Or(o.Context, defaultContext)}, TestShare: o.TestShare}
	seen := map[rune]bool{}
	for _, c := range text {
		if !seen[c] {
			seen[c] = true
			t.Text.Vocabulary = append(t.Text.Vocabulary, string(c))
		}
	}
	slices.Sort(t.Text.Vocabulary)
	training, tests, err := t.Text.halves(path, text, o.TestShare)
	if err != nil {
		return nil, err
	}
	if o.TestFile != "" {
		if text, err = readText(o.TestFile); err != nil {
			return nil, err
		}
		if tests, _, err = t.Text.halves(o.TestFile, text, 0); err != nil {
			return nil, err
		}
	}
	return t.source(training, tests)
}

func readText(path string) (string, error) {
	r, err := openFile(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	switch {
	case err != nil:
		return "", about(err, path)
	case len(text) > maxTable:
		return "", bad(path, "more than %d bytes", maxTable)
	case !utf8.Valid(text):
		return "", bad(path, "not UTF-8 text")
	}
	return strings.TrimPrefix(string(text), "\ufeff"), nil
}

// halves cuts a text into samples; the last share of it are the test samples.
func (t *Text) halves(path, text string, share float64) (training, tests *Set, err error) {
	ids, err := t.Encode(path, text)
	if err != nil {
		return nil, nil, err
	}
	cut := len(ids) - int(share*float64(len(ids)))
	if training, err = t.windows(path, ids[:cut]); err != nil || share == 0 {
		return training, nil, err
	}
	tests, err = t.windows(path, ids[cut:])
	return training, tests, err
}

func (t *Text) windows(path string, ids []int32) (*Set, error) {
	n := (len(ids) - 1) / t.Context
	if n < 1 {
		return nil, bad(path, "a part of %d characters is too short for samples of %d: choose a smaller context", len(ids), t.Context)
	}
	shape, size := []int{t.Context}, len(t.Vocabulary)
	return NewSet(path, []Column{
		{Name: TokenColumn, DType: mlrt.Int32, Shape: shape, Classes: size},
		{Name: NextColumn, DType: mlrt.Int32, Shape: shape, Classes: size},
	}, []any{ids[:n*t.Context], ids[1 : n*t.Context+1]})
}

// columns makes the columns of a table's text: tokens cut or padded to Context,
// and their numbers.
func (t *Text) columns(texts []string) ([]Column, []any) {
	numbers := t.index()
	tokens, lengths := make([]int32, len(texts)*t.Context), make([]int32, len(texts))
	for i, text := range texts {
		ids := encodeWords(numbers, text)
		lengths[i] = int32(max(1, copy(tokens[i*t.Context:(i+1)*t.Context], ids)))
	}
	return []Column{
		{Name: TokenColumn, DType: mlrt.Int32, Shape: []int{t.Context}, Classes: len(t.Vocabulary)},
		{Name: LengthColumn, DType: mlrt.Int32},
	}, []any{tokens, lengths}
}
