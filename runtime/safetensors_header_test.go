package mlrt

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHeaderStrings reads strings as encoding/json does, and writes what it reads.
func TestHeaderStrings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "é", "𝛼", `\n`, `\t`, `\r`, `\b`, `\f`, `\/`, `\\`, `\"`, `\u00e9`, `\uD835\uDEFC`, `\ud835`, `\udefc`, `\ud835\u0041`,
		`\ud835\n`, `\u00`, `\u00g0`, `\u+041`, `\u0_41`, `\x`, `\`, "\x00", "\n", "\x1f", "\x7f", "\u2028", `"`, " ", "<&>"}
	accepted := 0
	for range 20000 {
		var b strings.Builder
		b.WriteByte('"')
		for range r.IntN(5) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		b.WriteByte('"')
		var want string
		refused := json.Unmarshal([]byte(b.String()), &want)
		d := headerReader{text: []byte(b.String())}
		have, err := d.string()
		if err == nil && d.next() != 0 {
			err = errors.New("text behind it")
		}
		if (err == nil) != (refused == nil) || err == nil && have != want {
			t.Fatalf("%s is %q, %v; encoding/json has %q, %v", b.String(), have, err, want, refused)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted < 3000 {
		t.Errorf("%d strings were accepted", accepted)
	}
	for _, s := range []string{"", "a\x00\x1f\n\"\\/é𝛼\u2028<&>", "\xff", "a\xc3", string(utf8.RuneError)} {
		var have string
		text := appendString(nil, s)
		if err := json.Unmarshal(text, &have); err != nil || have != strings.ToValidUTF8(s, "\ufffd") {
			t.Errorf("%q is written as %s and read as %q, %v", s, text, have, err)
		}
	}
}

// TestHeaderIsJSON: a header that is accepted is JSON, and white space between its
// tokens changes nothing.
func TestHeaderIsJSON(t *testing.T) {
	tokens := strings.Split(`{|"__metadata__"|:|{|"a"|:|"1"|,|"b"|:|"2"|}|,|"x"|:|{|"dtype"|:|"F32"|,|"shape"|:|[|2|,|30|]|,|"data_offsets"|:|[|0|,|240|]|}|}`, "|")
	parse := func(header string) error { return new(File).parseHeader([]byte(header)) }
	for _, space := range []string{"", " ", "\n\t\r "} {
		if err := parse(space + strings.Join(tokens, space) + space); err != nil {
			t.Errorf("with %q between its tokens: %v", space, err)
		}
	}
	for _, number := range []string{"02", "2.", "2.0", "2e0", "-2", "+2", "0x2", "1_0", "true", "null", "\"2\"", "", "2 3", "\x00"} {
		if err := parse(strings.ReplaceAll(strings.Join(tokens, ""), "[2,", "["+number+",")); err == nil {
			t.Errorf("a dimension of %q is accepted", number)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	other := []string{"{", "}", "[", "]", ",", ":", `"x"`, "1", "", "\x00", "{}", "[]", "//", "'x'", "NaN"}
	accepted := 0
	for range 20000 {
		list := append([]string(nil), tokens...)
		for range 1 + r.IntN(2) {
			list[r.IntN(len(list))] = other[r.IntN(len(other))]
		}
		header := strings.Join(list, "")
		if parse(header) == nil {
			accepted++
			if !json.Valid([]byte(header)) {
				t.Fatalf("%s is accepted", header)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change of a name was accepted")
	}
}

// TestText prints as fmt does.
func TestText(t *testing.T) {
	have := text("a ", quoted("é\n\""), " ", 1, " ", int64(-2), " ", uint64(3), " ", float32(0.1), " ", 1e100, " ", []int{}, []int{2, 3}, " ", Float16, " ",
		errors.New("why"), " ", typeOf{[]uint8{}}, " ", typeOf{})
	want := "a " + strconv.Quote("é\n\"") + " 1 -2 3 0.1 1e+100 [][2 3] float16 why []uint8 nil"
	if have != want {
		t.Errorf("%s\nwant %s", have, want)
	}
}
