package codegen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRepeats(t *testing.T) {
	all := func(s span) int { return s.items() }
	for _, c := range []struct {
		keys  string
		gain  int
		whole bool
		fit   func(span) int
		want  []span
	}{
		{"", 1, false, all, nil},
		{"abc", 1, false, all, []span{{0, 3, 1, 0}}},
		{"abababx", 1, false, all, []span{{0, 2, 3, 0}, {6, 1, 1, 0}}},
		{"xabcabcabcab", 3, true, all, []span{{0, 1, 1, 0}, {1, 3, 3, 0}, {10, 2, 1, 0}}},
		{"xabcabcabcab", 3, false, all, []span{{0, 1, 1, 0}, {1, 3, 3, 2}}},
		{"abcdabc", 2, false, all, []span{{0, 4, 1, 3}}},
		{"abcdefab", 1, false, all, []span{{0, 8, 1, 0}}},
		// An incomplete repetition costs as much as one item saves.
		{"xabcabcabca", 3, false, all, []span{{0, 1, 1, 0}, {1, 3, 3, 0}, {10, 1, 1, 0}}},
		{"aab", 3, false, all, []span{{0, 3, 1, 0}}},
		{"ababxcdcdcd", 2, false, all, []span{{0, 2, 2, 0}, {4, 1, 1, 0}, {5, 2, 3, 0}}},
		// A loop that can start only later is taken from there.
		{"abababab", 2, false, func(s span) int {
			if s.start < 2 {
				return s.period
			}
			return s.items()
		}, []span{{0, 2, 1, 0}, {2, 2, 3, 0}}},
		// One that can hold only some items leaves the others.
		{"abababab", 2, false, func(s span) int { return min(s.items(), max(4, s.period)) }, []span{{0, 2, 2, 0}, {4, 2, 2, 0}}},
		{"abcabcabc", 2, false, func(s span) int { return min(s.items(), 8) }, []span{{0, 3, 2, 2}, {8, 1, 1, 0}}},
	} {
		r := &repeats{gain: c.gain, whole: c.whole, fit: c.fit}
		for _, k := range c.keys {
			r.keys = append(r.keys, int(k))
		}
		if got := r.split(); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.keys, got, c.want)
		}
	}
}

// TestRepeatsCoverAll checks on random sequences that the spans cover every item
// once, in order, and that repetitions are equal.
func TestRepeatsCoverAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		r := &repeats{gain: 1 + rng.IntN(3), whole: round%2 == 0, fit: func(s span) int { return s.period + rng.IntN(s.items()-s.period+1) }}
		for range rng.IntN(40) {
			r.keys = append(r.keys, rng.IntN(3))
		}
		at := 0
		for _, s := range r.split() {
			if s.start != at || s.period < 1 || s.count < 1 || s.rest < 0 || s.rest >= s.period || r.whole && s.rest > 0 {
				t.Fatalf("%v: span %v at %d", r.keys, s, at)
			}
			for i := range s.items() {
				if r.keys[s.start+i] != r.keys[s.start+i%s.period] {
					t.Fatalf("%v: span %v does not repeat", r.keys, s)
				}
			}
			at = s.end()
		}
		if at != len(r.keys) {
			t.Fatalf("%v: only %d items are covered", r.keys, at)
		}
	}
}

func TestCounted(t *testing.T) {
	for _, c := range []struct {
		a, b string
		n    int
		want string
	}{
		{"h.0.w", "h.1.w", 1, "h.#.w 0 true"},
		{"h.2.w", "h.5.w", 3, "h.#.w 2 true"},
		{"s.1.0.w", "s.1.1.w", 1, "s.1.#.w 0 true"},
		{"s.0.1.w", "s.1.0.w", 1, " 0 false"},
		{"h.0.w", "h.2.w", 1, " 0 false"},
		{"h.0.w", "h.1.v", 1, " 0 false"},
		{"h.00.w", "h.01.w", 1, " 0 false"},
		{"h.w", "h.w", 1, "h.w 0 false"},
		{"rnn.weight_hh_l0", "rnn.weight_hh_l1", 1, "rnn.weight_hh_l# 0 true"},
		{"r.0.b_l1_reverse", "r.0.b_l3_reverse", 2, "r.0.b_l#_reverse 1 true"},
		{"r.b_l1", "r.b_l1_reverse", 1, " 0 false"},
		{"conv1.w", "conv2.w", 1, " 0 false"},
		{"x_1.w", "x_2.w", 1, " 0 false"},
		{"l1x.w", "l2x.w", 1, " 0 false"},
	} {
		name, first, ok := counted(c.a, c.b, c.n)
		if got := fmt.Sprint(name, " ", first, " ", ok); got != c.want {
			t.Errorf("%s, %s after %d: %s, want %s", c.a, c.b, c.n, got, c.want)
		}
	}
}
