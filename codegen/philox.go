package codegen

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Draws of random numbers are ten rounds of Philox on words in the loop IR, which
// vectors compute in parallel. In Go the runtime has them as a function.
var (
	fnPhilox = &loop.Fn{Name: "philox", Result: dim.Uint32} // of key and counter: four words
	fnWord   = &loop.Fn{Name: "word", Result: dim.Uint32}   // of these by position
)

const (
	philoxRounds = 10
	philoxMul0   = 0xd2511f53
	philoxMul1   = 0xcd9e8d57
	philoxWeyl0  = 0x9e3779b9
	philoxWeyl1  = 0xbb67ae85
)

// foldPhilox returns a kernel that calls fnPhilox where k computes it.
func foldPhilox(k *loop.Kernel) *loop.Kernel {
	f := &philoxFinder{seen: map[*loop.Expr]bool{}, high: map[*loop.Expr][]*loop.Expr{}, words: map[*loop.Expr]*loop.Expr{}}
	for _, ph := range k.Phases {
		loop.PhaseExprs(ph, f.note)
	}
	for _, w3 := range f.low0 {
		for _, w1 := range f.low1 {
			f.try(w1, w3)
		}
	}
	if len(f.words) == 0 {
		return k
	}
	for _, e := range f.selects {
		f.choose(e)
	}
	return loop.Reword(k, f.words)
}

// philoxFinder looks for the words that rounds leave.
type philoxFinder struct {
	seen       map[*loop.Expr]bool
	low0, low1 []*loop.Expr                // low halves of products with the two factors
	high       map[*loop.Expr][]*loop.Expr // sums with a high half, by the other factor of it
	words      map[*loop.Expr]*loop.Expr   // words to what replaces them
	selects    []*loop.Expr
}

func (f *philoxFinder) note(e *loop.Expr) {
	if e == nil || f.seen[e] {
		return
	}
	f.seen[e] = true
	for _, a := range e.Args {
		f.note(a)
	}
	for _, a := range e.Index {
		f.note(a)
	}
	f.note(e.Guard)
	switch {
	case isProduct(e, loop.Mul, philoxMul0):
		f.low0 = append(f.low0, e)
	case isProduct(e, loop.Mul, philoxMul1):
		f.low1 = append(f.low1, e)
	case e.Op == loop.Select && e.Type == dim.Uint32:
		f.selects = append(f.selects, e)
	case isMix(e):
		x := e.Args[0].Args[0].Args[1]
		f.high[x] = append(f.high[x], e)
	}
}

func isProduct(e *loop.Expr, op loop.Op, m uint32) bool {
	return e.Op == op && e.Type == dim.Uint32 && isWordConst(e.Args[0], m)
}

func isWordConst(e *loop.Expr, v uint32) bool {
	return e.Op == loop.Const && e.Type == dim.Uint32 && uint32(e.Bits) == v
}

// isMix reports whether e is high half ^ word ^ key.
func isMix(e *loop.Expr) bool {
	return e.Op == loop.Xor && e.Type == dim.Uint32 && e.Args[0].Op == loop.Xor && e.Args[0].Args[0].Op == loop.MulHi
}

// try looks for the other words of a block, and back through the rounds that made them.
func (f *philoxFinder) try(w1, w3 *loop.Expr) {
	for _, w0 := range f.high[w1.Args[1]] {
		for _, w2 := range f.high[w3.Args[1]] {
			w := [4]*loop.Expr{w0, w1, w2, w3}
			args := unwind(w)
			if args == nil {
				continue
			}
			block := &loop.Expr{Op: loop.CallFn, Type: dim.Uint32, Fn: fnPhilox, Args: args}
			for i, word := range w {
				at := &loop.Expr{Op: loop.Const, Type: dim.Int64, Bits: uint64(i)}
				f.words[word] = &loop.Expr{Op: loop.CallFn, Type: dim.Uint32, Fn: fnWord, Args: []*loop.Expr{block, at}}
			}
		}
	}
}

// choose replaces the choice of a word by its position, lane == 0 ? w[0] : ..., by
// an index.
func (f *philoxFinder) choose(e *loop.Expr) {
	var block, lane *loop.Expr
	rest := e
	for i := range 4 {
		word := rest
		if i < 3 {
			if rest.Op != loop.Select || rest.Args[0].Op != loop.Eq {
				return
			}
			is := rest.Args[0]
			if lane == nil {
				lane = is.Args[0]
			}
			if is.Args[0] != lane || is.Args[1].Op != loop.Const || is.Args[1].Bits != uint64(i) {
				return
			}
			word, rest = rest.Args[1], rest.Args[2]
		}
		w := f.words[word]
		if w == nil || w.Args[1].Bits != uint64(i) || block != nil && w.Args[0] != block {
			return
		}
		block = w.Args[0]
	}
	if lane.Op != loop.Mod || lane.Args[1].Op != loop.Const || lane.Args[1].Bits != 4 {
		return
	}
	f.words[e] = &loop.Expr{Op: loop.CallFn, Type: dim.Uint32, Fn: fnWord, Args: []*loop.Expr{block, lane}}
}

// unwind returns the key and the counter that the rounds began with, nil when the
// words are of something else.
func unwind(w [4]*loop.Expr) []*loop.Expr {
	var key [2]*loop.Expr
	for round := philoxRounds - 1; round >= 0; round-- {
		c0, c2 := factor(w[3], philoxMul0), factor(w[1], philoxMul1)
		if c0 == nil || c2 == nil {
			return nil
		}
		c1, k0 := unmix(w[0], c2, philoxMul1)
		c3, k1 := unmix(w[2], c0, philoxMul0)
		for i, k := range [2]*loop.Expr{k0, k1} {
			if round > 0 {
				if k == nil || k.Op != loop.Add || !isWordConst(k.Args[1], [2]uint32{philoxWeyl0, philoxWeyl1}[i]*uint32(round)) {
					return nil
				}
				k = k.Args[0]
			}
			if k == nil || key[i] != nil && key[i] != k {
				return nil
			}
			key[i] = k
		}
		w = [4]*loop.Expr{c0, c1, c2, c3}
	}
	return []*loop.Expr{key[0], key[1], w[0], w[1], w[2], w[3]}
}

var zeroWord = &loop.Expr{Op: loop.Const, Type: dim.Uint32}

// factor returns x of m * x.
func factor(e *loop.Expr, m uint32) *loop.Expr {
	switch {
	case isProduct(e, loop.Mul, m):
		return e.Args[1]
	case isWordConst(e, 0):
		return zeroWord
	}
	return nil
}

// unmix returns the word and the key of a mix with the high half of m * x; what is 0
// is not in it.
func unmix(e, x *loop.Expr, m uint32) (word, key *loop.Expr) {
	if e.Op != loop.Xor {
		return nil, nil
	}
	rest := e.Args[0]
	switch {
	case x == zeroWord:
		return rest, e.Args[1]
	case isProduct(rest, loop.MulHi, m) && rest.Args[1] == x:
		return zeroWord, e.Args[1]
	case rest.Op == loop.Xor && isProduct(rest.Args[0], loop.MulHi, m) && rest.Args[0].Args[1] == x:
		return rest.Args[1], e.Args[1]
	}
	return nil, nil
}
