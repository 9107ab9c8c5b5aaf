package simd

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// code is the body of one function: instructions over virtual registers.
type code struct {
	target  Target
	insts   []inst
	classes []class // of each virtual register; 0 is unused
}

// interval is the range of positions where a register may be live. One range
// without holes is exact enough: code is laid out in the order of loops.
type interval struct {
	reg        reg
	start, end int
	weight     float64 // uses, those in loops counting more
	phys       int     // -1: in memory at slot
	slot       int
}

// allocation gives every virtual register its place.
type allocation struct {
	at      []*interval // by register
	slots   int         // spilled values, target.bytes() each
	scratch [3]int      // vector registers kept free for spilled operands
	masks   int         // two mask registers from here are kept free, or -1
	used    []bool      // vector registers in use
	failed  bool        // something must be spilled, but no register was kept free for it
}

// allocate assigns registers by linear scan. It first tries without spills.
func (c *code) allocate() *allocation {
	ivs := c.intervals()
	c.chooseForms(ivs)
	ivs = c.intervals()
	a := c.scan(ivs, false)
	if a.failed {
		a = c.scan(ivs, true)
	}
	return a
}

// block is a run of instructions with one entry and one exit.
type block struct {
	from, to int // instructions [from, to)
	next     []int
	in, out  bitset
	gen      bitset // read before written
	kill     bitset
}

type bitset []uint64

func (b bitset) has(r reg) bool { return b[r/64]&(1<<(r%64)) != 0 }
func (b bitset) set(r reg)      { b[r/64] |= 1 << (r % 64) }

// each visits the members but 0, which is no register.
func (b bitset) each(visit func(reg)) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if r := reg(64*i + bits.TrailingZeros64(word)); r > 0 {
				visit(r)
			}
		}
	}
}

// blocks splits the code at labels and jumps and links the pieces.
func (c *code) blocks() []*block {
	var bs []*block
	begin := 0
	at := map[string]int{}
	for i := range c.insts {
		in := &c.insts[i]
		if in.flow == label && i > begin {
			bs = append(bs, &block{from: begin, to: i})
			begin = i
		}
		if in.flow == label {
			at[in.a[0].name] = len(bs)
		}
		if in.flow == jump || in.flow == branch {
			bs = append(bs, &block{from: begin, to: i + 1})
			begin = i + 1
		}
	}
	bs = append(bs, &block{from: begin, to: len(c.insts)})
	for n, b := range bs {
		falls := true
		if b.to > b.from {
			last := &c.insts[b.to-1]
			if last.flow == jump || last.flow == branch {
				b.next = append(b.next, at[last.a[0].name])
				falls = last.flow == branch
			}
		}
		if falls && n+1 < len(bs) {
			b.next = append(b.next, n+1)
		}
	}
	return bs
}

// liveness solves the data-flow equations of the blocks.
func (c *code) liveness() []*block {
	bs := c.blocks()
	words := len(c.classes)/64 + 1
	for _, b := range bs {
		sets := make(bitset, 4*words)
		b.in, b.out, b.gen, b.kill = sets[:words], sets[words:2*words], sets[2*words:3*words], sets[3*words:]
		for i := b.from; i < b.to; i++ {
			c.insts[i].registers(func(r reg, read, _ bool) {
				if read && !b.kill.has(r) {
					b.gen.set(r)
				}
			})
			c.insts[i].registers(func(r reg, _, write bool) {
				if write {
					b.kill.set(r)
				}
			})
		}
	}
	for changed := true; changed; {
		changed = false
		for n := len(bs) - 1; n >= 0; n-- {
			b := bs[n]
			for w := range b.in {
				out := uint64(0)
				for _, s := range b.next {
					out |= bs[s].in[w]
				}
				in := b.gen[w] | out&^b.kill[w]
				changed = changed || in != b.in[w]
				b.out[w], b.in[w] = out, in
			}
		}
	}
	return bs
}

// intervals computes the live range of every register, indexed by register.
func (c *code) intervals() []*interval {
	ivs := make([]*interval, len(c.classes))
	all := make([]interval, len(c.classes))
	touch := func(r reg, pos int) *interval {
		iv := ivs[r]
		if iv == nil {
			iv = &all[r]
			*iv = interval{reg: r, start: pos, end: pos, phys: -1}
			ivs[r] = iv
		}
		iv.start, iv.end = min(iv.start, pos), max(iv.end, pos)
		return iv
	}
	bs := c.liveness()
	for r := reg(1); int(r) < len(c.classes); r++ {
		if bs[0].in.has(r) {
			panic(fmt.Sprintf("simd: register %d is read before it is written", r))
		}
	}
	for _, b := range bs {
		for i := b.from; i < b.to; i++ {
			cost := float64(int(1) << (3 * min(int(c.insts[i].depth), 6)))
			// Reads happen before writes, so positions are doubled.
			c.insts[i].registers(func(r reg, read, write bool) {
				if read {
					touch(r, 2*i).weight += cost
				}
				if write {
					touch(r, 2*i+1).weight += cost
				}
			})
		}
		b.in.each(func(r reg) { touch(r, 2*b.from) })
		b.out.each(func(r reg) { touch(r, 2*b.to-1) })
	}
	return ivs
}

// chooseForms turns d = a*b + c into the instruction that overwrites an operand
// whose life ends there, and merges that operand with d; without one it copies c.
func (c *code) chooseForms(ivs []*interval) {
	alias := make([]reg, len(c.classes))
	find := func(r reg) reg {
		for alias[r] != 0 {
			r = alias[r]
		}
		return r
	}
	out := make([]inst, 0, len(c.insts))
	for i := range c.insts {
		in := c.insts[i]
		if in.flow != fmaForm {
			out = append(out, in)
			continue
		}
		x, y, z, d := in.a[0], in.a[1], in.a[2], in.a[3].reg
		dying := func(o operand) bool {
			return o.kind == regOperand && ivs[find(o.reg)].end == 2*i && ivs[find(d)].start == 2*i+1
		}
		merge := func(o operand) {
			into := find(o.reg)
			alias[d] = into
			ivs[into].end = ivs[d].end
		}
		if x.kind != regOperand {
			x, y = y, x
		}
		switch {
		case dying(z):
			merge(z)
			out = append(out, inst{op: in.op + "231PS", a: []operand{y, x, z}, flow: update, depth: in.depth})
		case dying(x) && y.kind == regOperand:
			merge(x)
			out = append(out, inst{op: in.op + "213PS", a: []operand{z, y, x}, flow: update, depth: in.depth})
		case dying(x) && z.kind == regOperand:
			merge(x)
			out = append(out, inst{op: in.op + "132PS", a: []operand{y, z, x}, flow: update, depth: in.depth})
		case dying(y):
			merge(y)
			out = append(out, inst{op: in.op + "213PS", a: []operand{z, x, y}, flow: update, depth: in.depth})
		default:
			out = append(out, inst{op: moveVector, a: []operand{z, d.op()}, depth: in.depth},
				inst{op: in.op + "231PS", a: []operand{y, x, d.op()}, flow: update, depth: in.depth})
		}
	}
	for i := range out {
		for n := range out[i].a {
			o := &out[i].a[n]
			o.reg, o.base, o.index = find(o.reg), find(o.base), find(o.index)
		}
	}
	c.insts = out
}

// scan runs linear scan. With spill, registers are kept free for the operands
// that live in memory.
func (c *code) scan(ivs []*interval, spill bool) *allocation {
	a := &allocation{at: make([]*interval, len(c.classes)), masks: -1, used: make([]bool, c.target.vectors())}
	limit := [3]int{gp: c.target.registerCount(gp), vec: c.target.registerCount(vec), mask: c.target.registerCount(mask)}
	if spill {
		limit[vec] -= len(a.scratch)
		for i := range a.scratch {
			a.scratch[i] = limit[vec] + i
			a.used[limit[vec]+i] = true
		}
		limit[mask] -= 2
		a.masks = limit[mask]
	}
	var order []*interval
	for _, iv := range ivs {
		if iv != nil {
			copied := *iv
			a.at[iv.reg] = &copied
			order = append(order, &copied)
		}
	}
	slices.SortStableFunc(order, func(x, y *interval) int { return x.start - y.start })
	var active [3][]*interval
	free := [3][]bool{}
	for k := range free {
		free[k] = make([]bool, limit[k])
		for n := range free[k] {
			free[k][n] = true
		}
	}
	for _, iv := range order {
		k := c.classes[iv.reg]
		keep := active[k][:0]
		for _, o := range active[k] {
			if o.end < iv.start {
				free[k][o.phys] = true
			} else {
				keep = append(keep, o)
			}
		}
		active[k] = keep
		if n := slices.Index(free[k], true); n >= 0 {
			free[k][n], iv.phys = false, n
			active[k] = append(active[k], iv)
			if k == vec {
				a.used[n] = true
			}
			continue
		}
		if k != gp && !spill {
			a.failed = true
			return a
		}
		a.evict(iv, &active[k])
	}
	return a
}

// evict moves the cheapest of the active registers and iv to memory.
func (a *allocation) evict(iv *interval, active *[]*interval) {
	victim := iv
	for _, o := range *active {
		if o.weight < victim.weight {
			victim = o
		}
	}
	if victim != iv {
		iv.phys = victim.phys
		*active = append(slices.DeleteFunc(*active, func(o *interval) bool { return o == victim }), iv)
	}
	victim.phys, victim.slot = -1, a.slots
	a.slots++
}

// String prints the code before allocation, for tests and debugging.
func (c *code) String() string {
	var b strings.Builder
	for _, in := range c.insts {
		fmt.Fprintf(&b, "%s %v\n", in.op, in.a)
	}
	return b.String()
}
