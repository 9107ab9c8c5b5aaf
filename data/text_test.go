package data

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// column reads a whole column of integers.
func column32(t *testing.T, s *Set, name string) []int32 {
	t.Helper()
	c := s.Find(name)
	if c < 0 {
		t.Fatalf("no column %q", name)
	}
	samples := make([]int, s.Len())
	for i := range samples {
		samples[i] = i
	}
	v := make([]int32, s.Len()*s.columns[c].size)
	if err := s.Read(c, samples, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRunningText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("abcabcabcabé\nabcabca"), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{Context: 3, TestShare: 0.4})
	if err != nil {
		t.Fatal(err)
	}
	// 20 characters, 12 of them for training: three samples of three and the one
	// that follows. The vocabulary is "\n", "a", "b", "c", "é".
	if want := []string{"\n", "a", "b", "c", "é"}; !slices.Equal(src.Transform.Text.Vocabulary, want) {
		t.Errorf("vocabulary %q", src.Transform.Text.Vocabulary)
	}
	if got, want := column32(t, src.Train, TokenColumn), []int32{1, 2, 3, 1, 2, 3, 1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
	if got, want := column32(t, src.Train, NextColumn), []int32{2, 3, 1, 2, 3, 1, 2, 3, 1}; !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
	if got, want := column32(t, src.Tests, TokenColumn), []int32{0, 1, 2, 3, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("test tokens %v, want %v", got, want)
	}
	again := reopen(t, src.Transform, path)
	if got, want := again.Tests.Fingerprint(), src.Tests.Fingerprint(); got != want {
		t.Errorf("other test samples when it is read again")
	}
	if ids, err := src.Transform.Text.Encode("x", "caé"); err != nil || src.Transform.Text.Decode(ids) != "caé" {
		t.Errorf("%v, %v", ids, err)
	}
	if _, err := src.Transform.Text.Encode("x", "ab\nax"); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), `line 2: the training text does not have the character 'x'`) {
		t.Errorf("unknown character: %v", err)
	}
	if _, err := Open(path, Options{Context: 13, TestShare: 0.4}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a long context: %v", err)
	}
}

// reopen stores a transform, reads it back and opens a path with it.
func reopen(t *testing.T, tr *Transform, path string) *Source {
	t.Helper()
	text, err := tr.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseTransform(text)
	if err != nil {
		t.Fatal(err)
	}
	src, err := back.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestWords(t *testing.T) {
	if got, want := words(" Don't stop, NOW!!\tÄh 2x"), []string{"don't", "stop", ",", "now", "!", "!", "äh", "2x"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := countWords([]string{"b a c", "c b", "d"}, 5), []string{"", "?", "b", "c", "a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTableText reads a table without quotes by the rules of its kind.
func TestTableText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tsv")
	text := "good\tsay \"hi\", say it\nbad\t\"quoted\"\ngood\tsay\nbad\tno, no, no\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{Target: "1", Text: "2", Context: 4, Vocabulary: 5})
	if err != nil {
		t.Fatal(err)
	}
	// no 3, say 3, then the comma with 3: equally frequent, in alphabetical order.
	if want := []string{"", "?", ",", "no", "say"}; !slices.Equal(src.Transform.Table.Text.Vocabulary, want) {
		t.Errorf("vocabulary %q, want %q", src.Transform.Table.Text.Vocabulary, want)
	}
	if got, want := column32(t, src.Train, TokenColumn), []int32{4, 1, 1, 1, 1, 0, 0, 0, 4, 0, 0, 0, 3, 2, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
	if got, want := column32(t, src.Train, LengthColumn), []int32{4, 1, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("lengths %v, want %v", got, want)
	}
	if got, want := column32(t, src.Train, TargetColumn), []int32{1, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
	rows, err := src.Transform.Rows(strings.NewReader("say no\n"), "rows")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := column32(t, rows, TokenColumn), []int32{4, 3, 0, 0}; !slices.Equal(got, want) || rows.Find(TargetColumn) >= 0 {
		t.Errorf("tokens of a row %v, want %v", got, want)
	}
}

func TestSeries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	text := "day,wind,temp\n"
	for i := range 10 {
		text += "2020-01-0" + string(rune('0'+i)) + "," + string(rune('0'+i)) + "," + string(rune('0'+i)) + "0\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{Window: 2, Horizon: 2, TestShare: 0.4, Scale: "none", TargetKind: KindNumber})
	if err != nil {
		t.Fatal(err)
	}
	// Six training rows: windows of rows 0-1, 1-2 and 2-3, whose targets are two
	// rows behind, 3, 4 and 5. The date is no number and stays out.
	var x [12]float64
	if err := src.Train.Read(0, []int{0, 1, 2}, x[:]); err != nil || src.Train.Len() != 3 {
		t.Fatalf("%d samples, %v", src.Train.Len(), err)
	}
	if want := [12]float64{0, 0, 1, 10, 1, 10, 2, 20, 2, 20, 3, 30}; x != want {
		t.Errorf("windows %v, want %v", x, want)
	}
	var y [3]float64
	if err := src.Train.Read(1, []int{0, 1, 2}, y[:]); err != nil || y != [3]float64{30, 40, 50} {
		t.Errorf("targets %v, %v", y, err)
	}
	if src.Tests.Len() != 1 {
		t.Errorf("%d test samples, want one of four rows", src.Tests.Len())
	}
	if again := reopen(t, src.Transform, path); again.Tests.Fingerprint() != src.Tests.Fingerprint() {
		t.Errorf("other test samples when it is read again")
	}
	rows, err := src.Transform.Rows(strings.NewReader("x,7,70\ny,8,80\nz,9,90\n"), "rows")
	if err != nil || rows.Len() != 2 {
		t.Fatalf("windows of three rows: %v", err)
	}
	if _, err := Open(path, Options{Window: 6, TestShare: 0.4}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a long window: %v", err)
	}
}
