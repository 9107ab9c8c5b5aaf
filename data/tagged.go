package data

import (
	"cmp"
	"slices"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// noTag is the label behind the end of a sentence, PyTorch's ignore_index.
const noTag = -100

// sentence is a sentence of CoNLL-U: words with their tags.
type sentence struct{ words, tags []string }

// isTagged reports whether a file is CoNLL-U by its name.
func isTagged(path string) bool {
	return strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".conllu")
}

// readTagged reads the sentences of a CoNLL-U file: of each word its form in small
// letters and its universal part of speech.
func readTagged(path string) (list []sentence, err error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	var s sentence
	line := 0
	for row := range strings.Lines(text + "\n\n") {
		line++
		row = strings.TrimRight(row, "\r\n")
		switch fields := strings.Split(row, "\t"); {
		case row == "":
			if len(s.words) > 0 {
				list = append(list, s)
			}
			s = sentence{}
		case row[0] == '#':
		case len(fields) != 10:
			return nil, bad(path, "line %d: %d fields, CoNLL-U has 10", line, len(fields))
		case strings.ContainsAny(fields[0], "-."): // parts of words, and words left out
		default:
			s.words, s.tags = append(s.words, strings.ToLower(fields[1])), append(s.tags, fields[3])
		}
	}
	if len(list) == 0 {
		return nil, bad(path, "no sentences")
	}
	return list, nil
}

// openTagged reads a CoNLL-U file: a sentence is a sample, its tags are labels.
func openTagged(path string, o *Options) (*Source, error) {
	list, err := readTagged(path)
	if err != nil {
		return nil, err
	}
	t := &Transform{TestShare: o.TestShare, SplitSeed: o.SplitSeed}
	training, tests := splitSentences(list, o.TestShare, o.SplitSeed)
	if len(training) == 0 {
		return nil, bad(path, "all %d sentences fall into the test set", len(list))
	}
	counts, tags := map[string]int{}, map[string]bool{}
	for _, s := range training {
		for i, w := range s.words {
			counts[w]++
			tags[s.tags[i]] = true
		}
	}
	t.Text = &Text{Words: true, Vocabulary: mostFrequent(counts, cmp.Or(o.Vocabulary, defaultVocabulary)), Context: cmp.Or(o.Context, defaultContext)}
	for tag := range tags {
		t.Tags = append(t.Tags, tag)
	}
	slices.Sort(t.Tags)
	return t.taggedSource(path, training, tests)
}

// openTagged reads a CoNLL-U file with the words and tags of the training data.
func (t *Transform) openTagged(path string, whole bool) (*Source, error) {
	list, err := readTagged(path)
	if err != nil {
		return nil, err
	}
	if whole || t.TestShare == 0 {
		return t.taggedSource(path, nil, list)
	}
	training, tests := splitSentences(list, t.TestShare, t.SplitSeed)
	return t.taggedSource(path, training, tests)
}

func splitSentences(list []sentence, share float64, seed uint64) (training, tests []sentence) {
	for _, s := range list {
		if inTests([]byte(strings.Join(s.words, " ")), share, seed) {
			tests = append(tests, s)
		} else {
			training = append(training, s)
		}
	}
	return training, tests
}

func (t *Transform) taggedSource(path string, training, tests []sentence) (*Source, error) {
	var sets [2]*Set
	for i, list := range [][]sentence{training, tests} {
		if len(list) == 0 {
			continue
		}
		var err error
		if sets[i], err = t.sentences(path, list); err != nil {
			return nil, err
		}
	}
	return t.source(sets[0], sets[1])
}

// sentences makes a set; without labels where there are no tags.
func (t *Transform) sentences(path string, list []sentence) (*Set, error) {
	numbers, n := t.Text.index(), t.Text.Context
	tokens, lengths, labels := make([]int32, len(list)*n), make([]int32, len(list)), make([]int32, len(list)*n)
	for i := range labels {
		labels[i] = noTag
	}
	for i, s := range list {
		lengths[i] = int32(min(len(s.words), n))
		for j, w := range s.words[:lengths[i]] {
			id, ok := numbers[w]
			if !ok {
				id = unknown
			}
			tokens[i*n+j] = id
			if len(s.tags) == 0 {
				continue
			}
			tag, ok := slices.BinarySearch(t.Tags, s.tags[j])
			if !ok {
				return nil, bad(path, "sentence %d: the training data does not have the tag %q", i+1, s.tags[j])
			}
			labels[i*n+j] = int32(tag)
		}
	}
	columns := []Column{
		{Name: TokenColumn, DType: mlrt.Int32, Shape: []int{n}, Classes: len(t.Text.Vocabulary)},
		{Name: LengthColumn, DType: mlrt.Int32},
		{Name: LabelColumn, DType: mlrt.Int32, Shape: []int{n}},
	}
	values := []any{tokens, lengths, labels}
	if len(list[0].tags) == 0 {
		columns, values = columns[:2], values[:2]
	}
	return NewSet(path, columns, values)
}

// Sentences makes a set of sentences for prediction, and returns their words.
func (t *Transform) Sentences(lines []string) (*Set, [][]string, error) {
	var list []sentence
	var spoken [][]string
	for _, line := range lines {
		w := words(line)
		if len(w) == 0 {
			return nil, nil, bad("rows", "a sentence without words")
		}
		list, spoken = append(list, sentence{words: w}), append(spoken, w[:min(len(w), t.Text.Context)])
	}
	set, err := t.sentences("rows", list)
	return set, spoken, err
}
