package data

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rawTable is a CSV file as text.
type rawTable struct {
	file   string
	header []string // nil: the file has none
	rows   [][]string
	lines  []int // line of each row in the file
}

// maxTable bounds the bytes of a CSV file: its text is held in memory.
const maxTable = 1 << 30

// readTable reads a CSV file (RFC 4180; blanks around fields are dropped, a byte
// order mark too). comma 0 means to choose among comma, semicolon, tab and bar.
func readTable(r io.Reader, file string, comma rune, header string) (*rawTable, rune, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	switch {
	case err != nil:
		return nil, 0, about(err, file)
	case len(text) > maxTable:
		return nil, 0, bad(file, "more than %d bytes", maxTable)
	case !utf8.Valid(text):
		return nil, 0, bad(file, "not UTF-8 text")
	}
	s := strings.TrimPrefix(string(text), "\ufeff")
	if comma == 0 {
		comma = findComma(s)
		if name := strings.TrimSuffix(file, ".gz"); strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".tab") {
			comma = '\t'
		}
	}
	if comma == '\t' {
		return tabTable(s, file, header)
	}
	c := csv.NewReader(strings.NewReader(s))
	c.Comma, c.TrimLeadingSpace = comma, comma != '\t'
	t := &rawTable{file: file}
	for {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, rowError(err, file, t.rows, row)
		}
		line, _ := c.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		t.rows, t.lines = append(t.rows, row), append(t.lines, line)
	}
	return t.finish(comma, header)
}

// tabTable reads fields between tabs. Such files quote nothing by their standard,
// but some quote whole fields.
func tabTable(s, file, header string) (*rawTable, rune, error) {
	t := &rawTable{file: file}
	line := 0
	for text := range strings.Lines(s) {
		line++
		text = strings.TrimRight(text, "\r\n")
		if text == "" {
			continue
		}
		row := strings.Split(text, "\t")
		for i, f := range row {
			f = strings.TrimSpace(f)
			if n := len(f); n >= 2 && f[0] == '"' && f[n-1] == '"' {
				f = strings.ReplaceAll(f[1:n-1], `""`, `"`)
			}
			row[i] = f
		}
		if len(t.rows) > 0 && len(row) != len(t.rows[0]) {
			return nil, 0, bad(file, "line %d: %d fields, the lines before have %d", line, len(row), len(t.rows[0]))
		}
		t.rows, t.lines = append(t.rows, row), append(t.lines, line)
	}
	return t.finish('\t', header)
}

// finish takes the header off the rows.
func (t *rawTable) finish(comma rune, header string) (*rawTable, rune, error) {
	if len(t.rows) == 0 {
		return nil, 0, bad(t.file, "no rows")
	}
	if header == "yes" || header != "no" && t.hasHeader() {
		t.header, t.rows, t.lines = t.rows[0], t.rows[1:], t.lines[1:]
		for i, name := range t.header {
			if k := slices.Index(t.header, name); k < i {
				return nil, 0, bad(t.file, "columns %d and %d are both called %q", k+1, i+1, name)
			}
		}
	}
	if len(t.rows) == 0 {
		return nil, 0, bad(t.file, "no rows behind the header")
	}
	return t, comma, nil
}

// rowError says which line is damaged; rows are those before it.
func rowError(err error, file string, rows [][]string, row []string) error {
	var p *csv.ParseError
	if errors.As(err, &p) && p.Err == csv.ErrFieldCount && len(rows) > 0 {
		return bad(file, "line %d: %d fields, the lines before have %d", p.Line, len(row), len(rows[0]))
	}
	return bad(file, "%v", err)
}

// findComma chooses the separator that is most frequent in the first line.
func findComma(s string) rune {
	first, _, _ := strings.Cut(s, "\n")
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t', '|'} {
		if n := strings.Count(first, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// hasHeader reports whether the first row looks like names: it has no number,
// and some column has numbers everywhere else.
func (t *rawTable) hasHeader() bool {
	if len(t.rows) < 2 {
		return false
	}
	for _, f := range t.rows[0] {
		if _, ok := number(f); ok || missing(f) {
			return false
		}
	}
	for c := range t.rows[0] {
		numbers := true
		for _, row := range t.rows[1:] {
			_, ok := number(row[c])
			numbers = numbers && (ok || missing(row[c]))
		}
		if numbers {
			return true
		}
	}
	return false
}

// name returns the name of column c: from the header, or its number from 1.
func (t *rawTable) name(c int) string {
	if t.header != nil {
		return t.header[c]
	}
	return strconv.Itoa(c + 1)
}

// find returns the column that a name or number means: numbers count from 1, or
// with a minus from the end.
func (t *rawTable) find(what string) (int, error) {
	if i := slices.Index(t.header, what); i >= 0 {
		return i, nil
	}
	width := len(t.rows[0])
	if n, err := strconv.Atoi(what); err == nil {
		switch {
		case n >= 1 && n <= width:
			return n - 1, nil
		case n <= -1 && n >= -width:
			return width + n, nil
		}
		return 0, bad(t.file, "no column %d, there are %d", n, width)
	}
	if t.header == nil {
		return 0, bad(t.file, "no column %q: the file has no header, columns are called 1 to %d", what, width)
	}
	return 0, bad(t.file, "no column %q, there are %s", what, quoted(t.header))
}

// quoted lists names.
func quoted(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = strconv.Quote(n)
	}
	return strings.Join(list, ", ")
}

// number parses a finite number.
func number(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// missing reports whether a field stands for an unknown value.
func missing(s string) bool {
	switch strings.ToLower(s) {
	case "", "?", "na", "n/a", "nan", "null":
		return true
	}
	return false
}
