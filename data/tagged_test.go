package data

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const tagged = `# text = The dog barks
1	The	the	DET	DT	_	2	det	_	_
2	dog	dog	NOUN	NN	_	3	nsubj	_	_
3	barks	bark	VERB	VBZ	_	0	root	_	_

# text = don't bark dog
1-2	don't	_	_	_	_	_	_	_	_
1	do	do	AUX	VB	_	3	aux	_	_
2	n't	not	PART	RB	_	3	advmod	_	_
3	bark	bark	VERB	VB	_	0	root	_	_
4	dog	dog	NOUN	NN	_	3	vocative	_	_
`

func TestTaggedSentences(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.conllu")
	if err := os.WriteFile(path, []byte(tagged), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{Context: 4, Vocabulary: 4})
	if err != nil {
		t.Fatal(err)
	}
	// "dog" stands twice; of the words that stand once "bark" is the first.
	if want := []string{"", "?", "dog", "bark"}; !slices.Equal(src.Transform.Text.Vocabulary, want) {
		t.Errorf("vocabulary %q, want %q", src.Transform.Text.Vocabulary, want)
	}
	if want := []string{"AUX", "DET", "NOUN", "PART", "VERB"}; !slices.Equal(src.Transform.Tags, want) {
		t.Errorf("tags %q, want %q", src.Transform.Tags, want)
	}
	if got, want := column32(t, src.Train, TokenColumn), []int32{1, 2, 1, 0, 1, 1, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
	if got, want := column32(t, src.Train, LabelColumn), []int32{1, 2, 4, -100, 0, 3, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("labels %v, want %v", got, want)
	}
	if got, want := column32(t, src.Train, LengthColumn), []int32{3, 4}; !slices.Equal(got, want) {
		t.Errorf("lengths %v, want %v", got, want)
	}
	if again := reopen(t, src.Transform, path); again.Tests.Fingerprint() != src.Train.Fingerprint() {
		t.Errorf("other samples when it is read again")
	}
	set, spoken, err := src.Transform.Sentences([]string{"Dog, bark!"})
	if err != nil || set.Find(LabelColumn) >= 0 || !slices.Equal(spoken[0], []string{"dog", ",", "bark", "!"}) {
		t.Errorf("words %q, %v", spoken, err)
	}
	damaged := strings.Replace(tagged, "2\tdog\tdog\tNOUN", "2\tdog\tdog", 1)
	if err := os.WriteFile(path, []byte(damaged), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "line 3: 9 fields") {
		t.Errorf("a short line: %v", err)
	}
}
