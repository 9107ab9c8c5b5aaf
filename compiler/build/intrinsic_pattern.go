package build

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// patternWords are the products of tensors and the words whose first argument is
// a pattern.
func patternWords() []intrinsic {
	return []intrinsic{
		{name: "matmul", doc: "the matrix product over the last two axes, as NumPy's; axes before them broadcast", formals: required("a", "b"), apply: matmulWord},
		{name: "einsum", doc: "sums of products by a pattern such as \"bik,bkj->bij\"; ... stands for leading axes", rest: true, apply: einsumWord},
		{name: "rearrange", doc: "reshapes and transposes by a pattern such as \"b t (h d) -> b h t d\"; sizes are named arguments", formals: required("x", "pattern"), apply: rearrangeWord},
	}
}

// einsumWord reduces a product of any number of tensors to products of two.
func einsumWord(c *invocation) value {
	var spec string
	var specAt diag.Span
	var xs []*ir.Value
	found := false
	for _, a := range c.list {
		if t, ok := a.v.(text); ok && !found {
			spec, specAt, found = strings.ReplaceAll(string(t), " ", ""), a.at, true
			continue
		}
		xs = append(xs, c.tensorArg(a))
	}
	if !found {
		c.fail(diag.MissingArgument, c.at, "einsum takes a pattern, such as \"ik,kj->ij\"")
	}
	if !c.ok {
		return bad{}
	}
	p, message := parseEinsum(spec, xs)
	if message != "" {
		c.e.origins(c.fail(diag.BadPattern, specAt, "%s", message), xs...)
		return bad{}
	}
	if v := c.contractAll(p, xs); v != nil && c.ok {
		return tensor{v}
	}
	return bad{}
}

// einsumPattern has one letter for each axis of each operand and of the result.
type einsumPattern struct {
	in  []string
	out string
}

// parseEinsum checks a pattern against its operands and replaces `...` by
// letters. Its message is a whole sentence, empty when all is well.
func parseEinsum(spec string, xs []*ir.Value) (p einsumPattern, message string) {
	in, out, ok := strings.Cut(spec, "->")
	if !ok {
		return p, "the pattern has no ->, as in \"ik,kj->ij\""
	}
	p.in = strings.Split(in, ",")
	if len(p.in) != len(xs) {
		return p, "the pattern names " + itoa(len(p.in)) + " operands, and " + itoa(len(xs)) + " are given"
	}
	// The letters of `...`, from the right; capitals beyond those in use.
	const spare = "ZYXWVUTSRQPONMLKJIHGFEDCBA"
	used := func(l byte) bool { return strings.IndexByte(spec, l) >= 0 }
	var lead string
	for i := 0; i < len(spare) && len(lead) < 12; i++ {
		if !used(spare[i]) {
			lead += string(spare[i])
		}
	}
	longest := 0
	for i, x := range xs {
		letters := strings.Replace(p.in[i], "...", "", 1)
		if letters != p.in[i] {
			n := len(x.Type.Shape) - len(letters)
			if n < 0 || n > len(lead) {
				return p, "the pattern names " + itoa(len(letters)) + " axes, and operand " + itoa(i+1) + " has " + itoa(len(x.Type.Shape))
			}
			longest = max(longest, n)
			p.in[i] = strings.Replace(p.in[i], "...", lead[len(lead)-n:], 1)
		}
		if len(p.in[i]) != len(x.Type.Shape) {
			return p, "the pattern names " + itoa(len(p.in[i])) + " axes, and operand " + itoa(i+1) + " has " + itoa(len(x.Type.Shape))
		}
	}
	p.out = strings.Replace(out, "...", lead[len(lead)-longest:], 1)
	all := strings.Join(p.in, "")
	for i := range len(p.out) {
		if strings.IndexByte(all, p.out[i]) < 0 {
			return p, "the result names " + string(p.out[i]) + ", and no operand does"
		}
		if strings.Count(p.out, string(p.out[i])) > 1 {
			return p, "the result names " + string(p.out[i]) + " twice"
		}
	}
	for _, s := range append(slices.Clone(p.in), p.out) {
		for i := range len(s) {
			if l := s[i]; (l < 'a' || l > 'z') && (l < 'A' || l > 'Z') {
				return p, "axes are letters, and the pattern has " + string(l)
			}
			if strings.Count(s, string(s[i])) > 1 {
				return p, "the pattern repeats " + string(s[i]) + " within one operand"
			}
		}
	}
	return p, ""
}

// contractAll multiplies from left to right.
func (c *invocation) contractAll(p einsumPattern, xs []*ir.Value) *ir.Value {
	acc, letters := xs[0], p.in[0]
	if len(xs) == 1 {
		return c.arrange(c.sumOut(acc, &letters, p.out), letters, p.out)
	}
	for i := 1; i < len(xs); i++ {
		later := p.out + strings.Join(p.in[i+1:], "")
		next, nextLetters := xs[i], p.in[i]
		// What only one operand names is summed before the product.
		acc = c.sumOut(acc, &letters, later+nextLetters)
		next = c.sumOut(next, &nextLetters, later+letters)
		if acc == nil || next == nil {
			return nil
		}
		out := p.out
		if i < len(xs)-1 {
			out = ""
			for _, l := range letters + nextLetters {
				if strings.ContainsRune(later, l) && !strings.ContainsRune(out, l) {
					out += string(l)
				}
			}
		}
		if acc = c.contract(acc, letters, next, nextLetters, out); acc == nil {
			return nil
		}
		letters = out
	}
	return acc
}

// sumOut sums over the letters that nothing else names.
func (c *invocation) sumOut(x *ir.Value, letters *string, needed string) *ir.Value {
	var axes []int
	kept := ""
	for i, l := range *letters {
		if strings.ContainsRune(needed, l) {
			kept += string(l)
		} else {
			axes = append(axes, i)
		}
	}
	*letters = kept
	if len(axes) == 0 || x == nil {
		return x
	}
	return c.emit(op.Reduce{Op: "sum", Axes: axes}, x)
}

// arrange orders axes as out names them.
func (c *invocation) arrange(x *ir.Value, letters, out string) *ir.Value {
	perm := make([]int, len(out))
	for i := range out {
		perm[i] = strings.IndexByte(letters, out[i])
	}
	return c.transpose(x, perm)
}

// contract multiplies two tensors. Axes of extent one that meet a larger one are
// dropped, so that batches broadcast.
func (c *invocation) contract(a *ir.Value, la string, b *ir.Value, lb, out string) *ir.Value {
	if a.Type.DType != b.Type.DType {
		d := c.fail(diag.DTypeMismatch, c.at, "dtypes differ: %s and %s", a.Type.DType, b.Type.DType)
		c.e.origins(d, a, b)
		if a.Type.DType.IsInt() && b.Type.DType.IsFloat() {
			d.HelpText("embedding(vocab, dim) turns token numbers into vectors; cast(x, %s) turns integers into numbers", b.Type.DType)
		}
		return nil
	}
	if !a.Type.DType.IsFloat() {
		c.e.origins(c.fail(diag.DTypeMismatch, c.at, "products work on floats, and this is %s", a.Type.DType), a, b)
		return nil
	}
	for i := 0; i < len(la) && c.ok; i++ {
		j := strings.IndexByte(lb, la[i])
		if j < 0 {
			continue
		}
		da, db := a.Type.Shape[i], b.Type.Shape[j]
		switch {
		case da.Equal(db):
		case da.Is(1):
			a = c.dropOne(a, i)
			la, i = la[:i]+la[i+1:], i-1
		case db.Is(1):
			b = c.dropOne(b, j)
			lb = lb[:j] + lb[j+1:]
		case mayEqual(da, db):
			want := slices.Clone(b.Type.Shape)
			want[j] = da
			b = c.e.assume(c.at, b, want)
		default:
			d := c.fail(diag.ShapeMismatch, c.at, "%s and %s do not agree: axis %d of the first is %s, axis %d of the second is %s",
				op.ShapeString(a.Type.Shape), op.ShapeString(b.Type.Shape), i, da, j, db)
			c.e.origins(d, a, b)
			return nil
		}
		if a == nil || b == nil {
			return nil
		}
	}
	// A letter of one operand alone that the result lacks has extent one by now.
	la2, lb2 := la, lb
	a = c.sumOut(a, &la2, lb+out)
	b = c.sumOut(b, &lb2, la+out)
	if a == nil || b == nil || !c.ok {
		return nil
	}
	return c.emit(op.Einsum{Spec: la2 + "," + lb2 + "->" + out}, a, b)
}

func (c *invocation) dropOne(x *ir.Value, axis int) *ir.Value {
	return c.reshape(x, slices.Delete(slices.Clone(x.Type.Shape), axis, axis+1))
}

func matmulWord(c *invocation) value {
	a, b := c.tensor(0), c.tensor(1)
	if a == nil || b == nil {
		return bad{}
	}
	ra, rb := len(a.Type.Shape), len(b.Type.Shape)
	if ra == 0 || rb == 0 {
		c.e.origins(c.fail(diag.RankMismatch, c.at, "matmul takes tensors of at least 1 dimension"), a, b)
		return bad{}
	}
	const lead = "abcdefgh"
	la, lb, out := "k", "k", ""
	n := max(ra, rb) - 2
	if n > len(lead) {
		c.fail(diag.RankMismatch, c.at, "matmul takes tensors of at most 10 dimensions")
		return bad{}
	}
	batch := lead[:max(n, 0)]
	if ra > 1 {
		la = batch[len(batch)-(ra-2):] + "mk"
	}
	if rb > 1 {
		lb = batch[len(batch)-(rb-2):] + "kn"
	}
	for _, l := range batch {
		if strings.ContainsRune(la+lb, l) {
			out += string(l)
		}
	}
	if ra > 1 {
		out += "m"
	}
	if rb > 1 {
		out += "n"
	}
	ka, kb := a.Type.Shape[ra-1], b.Type.Shape[max(0, rb-2)]
	if !ka.Equal(kb) && !mayEqual(ka, kb) {
		d := c.fail(diag.ShapeMismatch, c.at, "matmul of %s and %s: the last axis of the first is %s, and the second has %s to match it",
			op.ShapeString(a.Type.Shape), op.ShapeString(b.Type.Shape), ka, kb)
		c.e.origins(d, a, b)
		return bad{}
	}
	return c.result(c.contract(a, la, b, lb, out))
}

// group is one axis of a rearrange pattern: names in parentheses are one axis.
// The name "1" is an axis of extent one.
type group []string

// parsePattern splits one side of a pattern.
func parsePattern(s string) (groups []group, ok bool) {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "(", " ( "), ")", " ) ")
	var open group
	inside := false
	for _, w := range strings.Fields(s) {
		switch {
		case w == "(" && !inside:
			inside, open = true, group{}
		case w == ")" && inside:
			inside = false
			groups = append(groups, open)
		case w == "(" || w == ")":
			return nil, false
		case inside:
			open = append(open, w)
		default:
			groups = append(groups, group{w})
		}
	}
	return groups, !inside
}

// rearrangeWord is einops' rearrange: split the axes on the left, permute, merge
// as on the right.
func rearrangeWord(c *invocation) value {
	x, pattern := c.tensor(0), c.text(1)
	if x == nil || !c.ok {
		return bad{}
	}
	at := c.args[1].at
	left, right, found := strings.Cut(pattern, "->")
	lg, ok1 := parsePattern(left)
	rg, ok2 := parsePattern(right)
	if !found || !ok1 || !ok2 {
		c.fail(diag.BadPattern, at, "the pattern is not of the form \"b t (h d) -> b h t d\"")
		return bad{}
	}
	lg, rg = expandDots(lg, rg, len(x.Type.Shape))
	if len(lg) != len(x.Type.Shape) {
		c.e.origins(c.fail(diag.BadPattern, at, "the pattern names %s on the left, and this is %s", countDims(len(lg)), op.TypeString(x.Type)), x)
		return bad{}
	}
	sizes, ok := c.patternSizes(x, lg, at)
	if !ok {
		return bad{}
	}
	order, ok := c.patternOrder(lg, rg, sizes, at)
	if !ok {
		return bad{}
	}
	var names []string
	var split []dim.Dim
	for _, g := range lg {
		for _, n := range g {
			if n != "1" {
				names, split = append(names, n), append(split, sizes[n])
			}
		}
	}
	v := c.reshape(x, split)
	perm := make([]int, len(order))
	for i, n := range order {
		perm[i] = indexOf(names, n)
	}
	v = c.transpose(v, perm)
	var merged []dim.Dim
	for _, g := range rg {
		d := dim.Const(1)
		for _, n := range g {
			if n != "1" {
				d = d.Mul(sizes[n])
			}
		}
		merged = append(merged, d)
	}
	return c.result(c.reshape(v, merged))
}

// expandDots replaces `...` by as many generated names as the tensor's rank leaves.
func expandDots(lg, rg []group, rank int) (l, r []group) {
	n := rank - len(lg) + 1
	replace := func(gs []group) []group {
		var out []group
		for _, g := range gs {
			if len(g) == 1 && g[0] == "..." {
				for i := range max(n, 0) {
					out = append(out, group{"..." + itoa(i)})
				}
				continue
			}
			if i := indexOf(g, "..."); i >= 0 {
				var many group
				for k := range max(n, 0) {
					many = append(many, "..."+itoa(k))
				}
				g = slices.Replace(slices.Clone(g), i, i+1, many...)
			}
			out = append(out, g)
		}
		return out
	}
	return replace(lg), replace(rg)
}

// patternSizes finds the size of every name on the left.
func (c *invocation) patternSizes(x *ir.Value, lg []group, at diag.Span) (map[string]dim.Dim, bool) {
	sizes := map[string]dim.Dim{}
	used := map[string]bool{}
	for _, a := range c.extra {
		d, ok := c.e.asSize(a.v, a.at)
		if !ok {
			c.ok = false
			return nil, false
		}
		sizes[a.name] = d
	}
	seen := map[string]bool{}
	for i, g := range lg {
		free, known := "", dim.Const(1)
		for _, n := range g {
			if n == "1" {
				continue
			}
			if seen[n] {
				c.fail(diag.BadPattern, at, "the pattern names %s twice on the left", n)
				return nil, false
			}
			seen[n] = true
			if d, ok := sizes[n]; ok {
				known, used[n] = known.Mul(d), true
			} else if free != "" {
				c.fail(diag.BadPattern, at, "the sizes of %s and %s cannot both be found", free, n).HelpText("give one of them: rearrange(..., %s = 8)", n)
				return nil, false
			} else {
				free = n
			}
		}
		have := x.Type.Shape[i]
		if free != "" {
			d, ok := have.Div(known)
			if !ok {
				c.e.origins(c.fail(diag.NotWhole, at, "axis %d is %s, which %s does not divide", i, have, known), x)
				return nil, false
			}
			sizes[free] = d
		} else if !have.Equal(known) {
			c.e.origins(c.fail(diag.ShapeMismatch, at, "axis %d is %s, and the pattern makes it %s", i, have, known), x)
			return nil, false
		}
	}
	for _, a := range c.extra {
		if !used[a.name] {
			c.fail(diag.UnknownArgument, a.key, "the pattern names no axis %s on the left", a.name)
			return nil, false
		}
	}
	return sizes, true
}

// patternOrder lists the names of the right side, which are those of the left.
func (c *invocation) patternOrder(lg, rg []group, sizes map[string]dim.Dim, at diag.Span) ([]string, bool) {
	var order []string
	for _, g := range rg {
		for _, n := range g {
			if n == "1" {
				continue
			}
			if !inGroups(lg, n) {
				c.fail(diag.BadPattern, at, "the pattern names %s on the right only", n)
				return nil, false
			}
			if slices.Contains(order, n) {
				c.fail(diag.BadPattern, at, "the pattern names %s twice on the right", n)
				return nil, false
			}
			order = append(order, n)
		}
	}
	for _, g := range lg {
		for _, n := range g {
			if n != "1" && !slices.Contains(order, n) {
				c.fail(diag.BadPattern, at, "the pattern names %s on the left only", n)
				return nil, false
			}
		}
	}
	return order, true
}

func inGroups(gs []group, name string) bool {
	return slices.ContainsFunc(gs, func(g group) bool { return slices.Contains(g, name) })
}
