package diag

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestPositionCountsRunes(t *testing.T) {
	src := []byte("ab\nxé→y\n")
	for _, tc := range []struct{ offset, line, col int }{
		{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {6, 2, 3}, {9, 2, 4}, {10, 2, 5}, {11, 3, 1}, {99, 3, 1}, {-1, 1, 1},
	} {
		if line, col := Position(src, tc.offset); line != tc.line || col != tc.col {
			t.Errorf("Position(%d) = %d:%d, want %d:%d", tc.offset, line, col, tc.line, tc.col)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"linear", "conv2d", "relu", "gelu", "batch_norm", "x"}
	for word, want := range map[string]string{
		"linaer": "linear", "Linear": "linear", "Conv2D": "conv2d", "BatchNorm": "batch_norm",
		"rellu": "relu", "dense": "", "y": "", "linear": "", "": "",
	} {
		if got := Suggest(word, words); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestCodesAreCompleteAndOrdered(t *testing.T) {
	form := regexp.MustCompile(`^ML0[0-9]{3}$`)
	last := Code("")
	for _, info := range Codes() {
		if !form.MatchString(string(info.Code)) || info.Code <= last {
			t.Errorf("code %s after %s", info.Code, last)
		}
		last = info.Code
		if info.Title == "" || info.Text == "" || strings.HasSuffix(info.Title, ".") || !strings.HasSuffix(info.Text, ".") {
			t.Errorf("%s: title %q, text %q", info.Code, info.Title, info.Text)
		}
		if got, ok := Lookup(info.Code); !ok || got.Title != info.Title {
			t.Errorf("Lookup(%s) = %v, %v", info.Code, got, ok)
		}
	}
	if n := len(Codes()); n < 45 {
		t.Errorf("%d codes", n)
	}
}

func TestListSortsDropsDuplicatesAndIsAnError(t *testing.T) {
	var l List
	if l.Err() != nil {
		t.Fatal("an empty list is an error")
	}
	at := func(n int) Span { return Span{File: "a.ml", Start: n, End: n + 1} }
	l.Add(New(UnusedValue, at(9), "late"), nil, New(UnknownName, at(3), "100%% of %s", "x"), New(UnknownName, at(3), "100%% of %s", "x"))
	s := l.Sorted()
	if len(s) != 2 || s[0].Message != "100% of x" || s[0].Severity != Error || s[1].Severity != Warning {
		t.Fatalf("sorted: %v", s)
	}
	if (List{s[1]}).Err() != nil {
		t.Error("a warning alone is an error")
	}
	var back List
	if err := l.Err(); !errors.As(err, &back) || len(back) != 3 {
		t.Errorf("errors.As gave %v", back)
	}
	if got := s[0].Error(); got != "ML0101: 100% of x" {
		t.Error(got)
	}
}

func TestSpanJoin(t *testing.T) {
	a, b := Span{"f", 3, 5}, Span{"f", 8, 9}
	if got := b.Join(a); got != (Span{"f", 3, 9}) {
		t.Error(got)
	}
	if got := a.Join(Span{}); got != a {
		t.Error(got)
	}
	if got := (Span{}).Join(a); got != a {
		t.Error(got)
	}
	if got := a.Join(Span{"g", 0, 1}); got != a {
		t.Error(got)
	}
}
