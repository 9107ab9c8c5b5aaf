package codegen

import (
	"fmt"
	"go/token"
	"strconv"
	"strings"
	"unicode"
)

// reserved are the names that no local or package-level name may take: Go's
// predeclared ones and the packages that generated files import.
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields("append any bool byte cap clear close comparable complex complex64 complex128 copy delete error " +
		"false float32 float64 imag init int int8 int16 int32 int64 iota len main make max min new nil panic print println real " +
		"recover rune string true uint uint8 uint16 uint32 uint64 uintptr err") {
		m[n] = true
	}
	for _, i := range imports {
		m[i[0]] = true
	}
	return m
}()

// camel is the one function that turns a model's name into a Go identifier: the
// parts between characters that Go does not allow are joined, each but the first
// with a capital letter. "fc1.weight" becomes "fc1Weight".
func camel(name string) string {
	var b strings.Builder
	up := false
	for _, r := range name {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			up = b.Len() > 0
			continue
		}
		if b.Len() == 0 && unicode.IsDigit(r) {
			b.WriteByte('n')
		}
		if up {
			r = unicode.ToUpper(r)
			up = false
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}

// private is camel with a small first letter, and not a reserved name.
func private(name string) string {
	s := camel(name)
	if s == strings.ToUpper(s) {
		s = strings.ToLower(s)
	}
	s = strings.ToLower(s[:1]) + s[1:]
	if reserved[s] || token.IsKeyword(s) {
		s += "Value"
	}
	return s
}

// exported is camel with a capital first letter.
func exported(name string) string {
	s := camel(name)
	return strings.ToUpper(s[:1]) + s[1:]
}

// names hands out identifiers of one scope.
type names struct {
	used   map[string]string // identifier to what it stands for
	parent *names
}

func newNames(parent *names) *names { return &names{used: map[string]string{}, parent: parent} }

func (n *names) taken(s string) bool {
	for ; n != nil; n = n.parent {
		if _, ok := n.used[s]; ok {
			return true
		}
	}
	return false
}

// claim takes a package-level identifier for what. Two things of one name are an
// error, because a caller could not tell them apart.
func (n *names) claim(ident, what string) error {
	if old, ok := n.used[ident]; ok {
		return fmt.Errorf("%s and %s would both be called %s in Go: rename one of them", old, what, ident)
	}
	n.used[ident] = what
	return nil
}

// free gives an identifier back.
func (n *names) free(ident string) { delete(n.used, ident) }

// local takes a free identifier that starts with base.
func (n *names) local(base string) string {
	base = private(base)
	s := base
	for i := 2; n.taken(s); i++ {
		s = base + strconv.Itoa(i)
	}
	n.used[s] = s
	return s
}
