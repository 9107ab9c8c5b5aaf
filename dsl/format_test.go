package dsl

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestSpecsAreFormatted(t *testing.T) {
	for path, src := range specs(t) {
		out, l := Format(path, src)
		if l.HasErrors() {
			t.Error(render(l, path, src))
		}
		if string(out) != string(src) {
			t.Errorf("%s is not in canonical layout:\n%s", path, firstDifference(string(src), string(out)))
		}
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return "- " + as[i] + "\n+ " + bs[i]
		}
	}
	return "one is longer"
}

func TestFormat(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"spaces": {
			"edition   1\nfunc f( x,y=2 )=-x*( y+1 ) [ 0:3 ,: ,... ]  ->g . h( a = ! y,)\n",
			"edition 1\n\nfunc f(x, y = 2) = -x * (y + 1)[0:3, :, ...] -> g.h(a = !y,)\n",
		},
		"one line": {
			"edition 1 import \"a.ml\" import b \"b.ml\" @remat model M { x = 1 if a { y = 2 } else if b { } else { y = 3 } }",
			"edition 1\n\nimport \"a.ml\"\nimport b \"b.ml\"\n\n@remat\nmodel M {\n    x = 1\n    if a {\n        y = 2\n    } else if b {} else {\n        y = 3\n    }\n}\n",
		},
		"empty lines": {
			"edition 1\nmodel A {\n\n\n    x = 1\n\n\n    y = 2\n\n}\nmodel B {}\n\n\n\n",
			"edition 1\n\nmodel A {\n    x = 1\n\n    y = 2\n}\n\nmodel B {}\n",
		},
		"pipes": {
			"edition 1\nfunc f(x) = x -> a ->\nb\n -> c(1,\n2)\nfunc g(x) = x\n-> a\n-> b\n",
			"edition 1\n\nfunc f(x) = x -> a\n              -> b\n              -> c(1,\n                   2)\n\nfunc g(x) = x\n    -> a\n    -> b\n",
		},
		"brackets": {
			"edition 1\nmodel M {\ny = f(\na, b\n)\nz = [1,\n2]\n}",
			"edition 1\n\nmodel M {\n    y = f(\n        a, b\n    )\n    z = [1,\n         2]\n}\n",
		},
		"operators": {
			"edition 1\nmodel M {\nloss first\n+ second\n- third\nassert a &&\nb\n}",
			"edition 1\n\nmodel M {\n    loss first\n       + second\n       - third\n    assert a &&\n        b\n}\n",
		},
		"alignment is kept": {
			"edition 1\nmodel M {\n  a   = 1\n  bcd = 2\n  e = 3\n  input x  float32[n]\n  input yy float32[n]\n}",
			"edition 1\n\nmodel M {\n    a   = 1\n    bcd = 2\n    e = 3\n    input x  float32[n]\n    input yy float32[n]\n}\n",
		},
		"alignment is not invented": {
			"edition 1\nmodel M {\n  a = 1\n  bcd     = 2\n}",
			"edition 1\n\nmodel M {\n    a = 1\n    bcd = 2\n}\n",
		},
		"comments": {
			"// head\n\nedition 1 // one\n// lost\n\n// Doc.\nmodel M { // open\n// first\nx = 1 // a\nlong = 2   //  b\n\n\n// alone\n\ny = f(1, // arg\n2)\n// last\n}\n// tail",
			"// head\n\nedition 1   // one\n\n// lost\n\n// Doc.\nmodel M {   // open\n    // first\n    x = 1      // a\n    long = 2   //  b\n\n    // alone\n\n    y = f(1,   // arg\n          2)\n    // last\n}\n// tail\n",
		},
		"groups": {
			"edition 1\nmodel M {\ntrain {\noptimizer sgd on a,b{group bias{lr=1}\ngroup \"x\" {\nlr = 1 wd = 2 }\n}}}",
			"edition 1\n\nmodel M {\n    train {\n        optimizer sgd on a, b {\n            group bias { lr = 1 }\n            group \"x\" {\n                lr = 1\n                wd = 2\n            }\n        }\n    }\n}\n",
		},
		"annotations": {
			"edition 1\n@role( norm ) @dtype(float16)\nmodel M {\n@frozen @init(q) layer p = Q\n@frozen\n@init(q)\nlayer r = Q\n}",
			"edition 1\n\n@role(norm)\n@dtype(float16)\nmodel M {\n    @frozen @init(q) layer p = Q\n    @frozen\n    @init(q)\n    layer r = Q\n}\n",
		},
		"words that are names": {
			"edition 1\nmodel M {\noutput (x)\nloss = (input)[0]\nloss (loss)\nupdate   state=-output\n}",
			"edition 1\n\nmodel M {\n    output (x)\n    loss = (input)[0]\n    loss (loss)\n    update state = -output\n}\n",
		},
		"carriage returns": {
			"edition 1\r\n\r\n// Doc.\r\nmodel M {\r\n    x = 1 // c\r\n}\r\n",
			"edition 1\n\n// Doc.\nmodel M {\n    x = 1   // c\n}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, l := Format("x.ml", []byte(tc.in))
			if l.HasErrors() {
				t.Fatal(render(l, "x.ml", []byte(tc.in)))
			}
			if string(got) != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if again, _ := Format("x.ml", got); string(again) != string(got) {
				t.Errorf("formatted again:\n%s", again)
			}
		})
	}
}

// TestFormatSurvivesAnyLayout spaces, breaks and comments the specs at random:
// formatting must keep the contents and reach a fixed point at once.
func TestFormatSurvivesAnyLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	gaps := []string{" ", "\n", "   ", "       ", "\n\n\n", "  // c\n", "\n// own line\n", "\r\n\t"}
	for path, src := range specs(t) {
		l := lex(path, string(src))
		for round := range 12 {
			var b strings.Builder
			for i, tok := range l.tokens {
				if i > 0 {
					gap := string(src[tokenEnd(l.tokens[i-1]):tok.Pos.Offset])
					if round%3 == 0 || r.IntN(10) == 0 {
						gap = gaps[r.IntN(len(gaps))]
					}
					b.WriteString(gap)
				}
				b.WriteString(tok.Value)
			}
			once, d := Format(path, []byte(b.String()))
			if d.HasErrors() {
				t.Fatal(render(d, path, []byte(b.String())))
			}
			if twice, _ := Format(path, once); string(twice) != string(once) {
				t.Fatalf("%s: no fixed point\n%s", path, firstDifference(string(once), string(twice)))
			}
		}
	}
}

func TestFormatRefusesErrors(t *testing.T) {
	for _, src := range []string{"", "edition 1\nmodel M {", "edition 1\nfunc f(x) = 010", "edition 1\n\x00"} {
		if out, l := Format("x.ml", []byte(src)); out != nil || !l.HasErrors() {
			t.Errorf("%q was formatted as %q", src, out)
		}
	}
}

func TestGuardSeesLostContents(t *testing.T) {
	text := "edition 1 // a\n// b\nfunc f(x) = x + 1\n"
	for _, other := range []string{
		"edition 1\n// b\nfunc f(x) = x + 1\n",
		"edition 1 // a\n// c\nfunc f(x) = x + 1\n",
		"edition 1 // a\n// b\nfunc f(x) = x + 2\n",
		"edition 1 // a\n// b\nfunc f(x) = x\n",
		"edition 1 // a\nfunc // b\nf(x) = x + 1\n",
	} {
		if sameContent(lex("x", text), lex("x", other)) {
			t.Errorf("%q passes for %q", other, text)
		}
	}
	if !sameContent(lex("x", text), lex("x", strings.ReplaceAll(text, " + ", "\n+\t"))) {
		t.Error("white space counts as contents")
	}
}
