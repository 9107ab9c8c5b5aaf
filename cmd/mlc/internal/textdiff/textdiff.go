// Package textdiff compares two texts by lines and prints the unified form that
// patch reads. It knows nothing of what the texts are.
package textdiff

import (
	"fmt"
	"strings"
)

// context is the number of equal lines around a change.
const context = 3

// edit is a run of lines: equal in both texts, or deleted from the first and
// inserted from the second.
type edit struct {
	a, b   int // first line in either text
	na, nb int // lines of either text
	equal  bool
}

// Unified returns the difference between a and b as a unified diff with the two
// names in its header; "" when they are equal. A missing newline at the end is
// marked as patch expects.
func Unified(nameA, nameB, a, b string) string {
	if a == b {
		return ""
	}
	la, lb := split(a), split(b)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", nameA, nameB)
	edits := compare(la, lb)
	for len(edits) > 0 {
		var hunk []edit
		hunk, edits = nextHunk(edits)
		writeHunk(&out, hunk, la, lb)
	}
	return out.String()
}

// split cuts a text into lines that keep their newline.
func split(s string) []string {
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// compare finds the edits by the common start and end and, between them, the
// longest common subsequence of the lines.
func compare(a, b []string) []edit {
	var edits []edit
	add := func(na, nb int, equal bool) {
		if na == 0 && nb == 0 {
			return
		}
		if n := len(edits); n > 0 && edits[n-1].equal == equal {
			edits[n-1].na += na
			edits[n-1].nb += nb
			return
		}
		e := edit{na: na, nb: nb, equal: equal}
		if n := len(edits); n > 0 {
			e.a, e.b = edits[n-1].a+edits[n-1].na, edits[n-1].b+edits[n-1].nb
		}
		edits = append(edits, e)
	}
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	add(start, start, true)
	middle(a[start:len(a)-end], b[start:len(b)-end], add)
	add(end, end, true)
	return edits
}

// maxCells bounds the table of the subsequence; larger differences are shown as
// one replacement.
const maxCells = 16 << 20

func middle(a, b []string, add func(na, nb int, equal bool)) {
	if len(a)*len(b) > maxCells {
		add(len(a), len(b), false)
		return
	}
	// length[i][j] is the longest common subsequence of a[i:] and b[j:].
	length := make([][]int32, len(a)+1)
	for i := range length {
		length[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			add(1, 1, true)
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			add(1, 0, false)
			i++
		default:
			add(0, 1, false)
			j++
		}
	}
	add(len(a)-i, len(b)-j, false)
}

// nextHunk cuts off the changes that are less than two contexts apart, with
// their context.
func nextHunk(edits []edit) (hunk, rest []edit) {
	if edits[0].equal {
		e := edits[0]
		if skip := e.na - context; skip > 0 {
			e = edit{e.a + skip, e.b + skip, context, context, true}
		}
		hunk, edits = append(hunk, e), edits[1:]
	}
	for len(edits) > 0 {
		e := edits[0]
		if !e.equal {
			hunk, edits = append(hunk, e), edits[1:]
			continue
		}
		last := len(edits) == 1
		if !last && e.na <= 2*context {
			hunk, edits = append(hunk, e), edits[1:]
			continue
		}
		n := min(context, e.na)
		hunk = append(hunk, edit{e.a, e.b, n, n, true})
		if last {
			return hunk, nil
		}
		return hunk, edits
	}
	return hunk, nil
}

func writeHunk(out *strings.Builder, hunk []edit, a, b []string) {
	na, nb := 0, 0
	for _, e := range hunk {
		na, nb = na+e.na, nb+e.nb
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(hunk[0].a, na), span(hunk[0].b, nb))
	for _, e := range hunk {
		if e.equal {
			writeLines(out, " ", a[e.a:e.a+e.na])
			continue
		}
		writeLines(out, "-", a[e.a:e.a+e.na])
		writeLines(out, "+", b[e.b:e.b+e.nb])
	}
}

// span is a hunk's range: an empty one names the line before it.
func span(first, n int) string {
	if n > 0 {
		first++
	}
	if n == 1 {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d,%d", first, n)
}

func writeLines(out *strings.Builder, sign string, lines []string) {
	for _, l := range lines {
		out.WriteString(sign)
		out.WriteString(l)
		if !strings.HasSuffix(l, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
