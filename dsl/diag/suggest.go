package diag

import "strings"

// Suggest returns the candidate nearest to word, or "" if none is near: equal
// but for case and underscores, or within one edit for words of up to five
// letters, two for up to eight, three beyond. An edit inserts, deletes or
// replaces a letter or swaps two neighbours. Of equally near candidates the
// first one wins.
func Suggest(word string, candidates []string) string {
	best, bestDistance := "", limit(word)+1
	folded := fold(word)
	for _, c := range candidates {
		if c == word || c == "" {
			continue
		}
		d := distance(word, c)
		if fold(c) == folded {
			d = 0
		}
		// A word of n letters with n edits is another word.
		if d < bestDistance && d < len(c) && d < len(word) {
			best, bestDistance = c, d
		}
	}
	return best
}

func limit(word string) int {
	switch n := len(word); {
	case n <= 5:
		return 1
	case n <= 8:
		return 2
	}
	return 3
}

func fold(word string) string { return strings.ToLower(strings.ReplaceAll(word, "_", "")) }

// distance is the Damerau-Levenshtein distance in its restricted form, counted
// in bytes: the language's names are ASCII.
func distance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := prev[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(prev[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
