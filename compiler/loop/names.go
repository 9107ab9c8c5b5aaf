package loop

import "strings"

// LastWords joins the last n words of a dotted path, without the numbers of repeated
// units: of "h.3.attn.c_attn.weight" the last two are "c_attn.weight".
func LastWords(path string, n int) string {
	var words []string
	for _, w := range strings.Split(path, ".") {
		if strings.Trim(w, "0123456789#") != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words[max(0, len(words)-n):], ".")
}
