package pass

import (
	"strings"
	"unicode"

	"github.com/mlc-go/mlc/compiler/loop"
)

// rename gives the parameters of a kernel names that tell them apart within it:
// without the place in the model that the kernel's own name tells, and without the
// numbers that tell them from other kernels' tensors.
func rename(p *loop.Program) error {
	for _, k := range p.Kernels {
		taken := map[string]bool{}
		for _, s := range k.Scalars {
			taken[s.Name] = true
		}
		for _, d := range k.Dims {
			taken[d] = true
		}
		place := words(k.Name)
		for _, q := range k.Params {
			q.Name = shortName(q.Name, place)
			if taken[q.Name] {
				q.Name = freeName(taken, q.Name)
			}
			taken[q.Name] = true
		}
	}
	return nil
}

// shortName takes from a name the words that a place begins with, as long as one is
// left, and the number at its end. A gradient's d stays.
func shortName(name string, place []string) string {
	list := words(name)
	adjoint := len(list) > 1 && list[0] == "d"
	if adjoint {
		list = list[1:]
	}
	for len(list) > 1 && len(place) > 1 && strings.EqualFold(list[0], place[0]) {
		list, place = list[1:], place[1:]
	}
	out := strings.Join(list, "")
	if bare := strings.TrimRight(out, "0123456789"); bare != "" {
		out = bare
	}
	if adjoint {
		return "d" + strings.ToUpper(out[:1]) + out[1:]
	}
	return strings.ToLower(out[:1]) + out[1:]
}

// words splits an identifier where a capital begins.
func words(name string) (list []string) {
	begin := 0
	for i, r := range name {
		if i > begin && unicode.IsUpper(r) {
			list, begin = append(list, name[begin:i]), i
		}
	}
	return append(list, name[begin:])
}
