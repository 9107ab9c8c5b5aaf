package simd

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// printer turns allocated code into Plan 9 text.
type printer struct {
	code   *code
	alloc  *allocation
	out    strings.Builder
	frame  int            // bytes of the function's own scratch, below the spill slots
	spare  map[uint32]int // constants that live in a vector register for the whole function
	consts map[uint32]bool
	pauses *pauses // nil in a function that runs to its end
	// The line before put a register into a slot of the frame; empty if it did not.
	stored, holds string
}

// text prints the body. frame is the size of the part of the stack frame that
// the code uses itself; the total is returned, and the number of vector
// registers that had to go to memory.
func (c *code) text(frame int, pauses *pauses) (body string, total int, consts []uint32, spills int) {
	p := &printer{code: c, alloc: c.allocate(), frame: frame, spare: map[uint32]int{}, consts: map[uint32]bool{}, pauses: pauses}
	p.fillSpareRegisters()
	for i := range c.insts {
		p.instruction(&c.insts[i])
	}
	for b := range p.consts {
		consts = append(consts, b)
	}
	slices.Sort(consts)
	for _, iv := range p.alloc.at {
		if iv != nil && iv.phys < 0 && c.classes[iv.reg] == vec {
			spills++
		}
	}
	total = frame + p.alloc.slots*c.target.bytes()
	if pauses != nil {
		total = pauses.finish(p, total)
	}
	return p.out.String(), total, consts, spills
}

// fillSpareRegisters puts the constants that loops use most into registers that
// nothing else uses.
func (p *printer) fillSpareRegisters() {
	weight := map[uint32]float64{}
	var order []uint32
	for i := range p.code.insts {
		in := &p.code.insts[i]
		for _, o := range in.a {
			if o.kind != constOperand || in.op == moveVector && o.bits == 0 {
				continue
			}
			if weight[o.bits] == 0 {
				order = append(order, o.bits)
			}
			if in.depth > 0 {
				weight[o.bits] += float64(int(1) << (3 * min(int(in.depth), 6)))
			}
		}
	}
	slices.SortStableFunc(order, func(x, y uint32) int {
		switch {
		case weight[x] > weight[y]:
			return -1
		case weight[x] < weight[y]:
			return 1
		}
		return 0
	})
	for _, bits := range order {
		n := slices.Index(p.alloc.used, false)
		if n < 0 || weight[bits] == 0 {
			return
		}
		p.alloc.used[n] = true
		p.line("VBROADCASTSS", p.symbol(bits, false), p.code.target.registerName(vec, n, operand{}))
		p.spare[bits] = n
	}
}

func (p *printer) line(op string, a ...string) {
	if op == "MOVQ" && p.stored != "" && a[0] == p.stored { // read back at once
		if a[1] == p.holds {
			return
		}
		a[0] = p.holds
	}
	p.stored, p.holds = "", ""
	if op == "MOVQ" && inFrame(a[1]) && !inFrame(a[0]) && a[0][0] != '$' {
		p.stored, p.holds = a[1], a[0]
	}
	p.out.WriteByte('\t')
	p.out.WriteString(op)
	for i, s := range a {
		if i == 0 {
			p.out.WriteByte(' ')
		} else {
			p.out.WriteString(", ")
		}
		p.out.WriteString(s)
	}
	p.out.WriteByte('\n')
}

// inFrame reports whether an operand's text is a place in the frame.
func inFrame(text string) bool { return strings.HasSuffix(text, "(SP)") }

// symbol names a constant in read-only memory. AVX2 has no broadcast in
// arithmetic, so wide asks for the pattern in every lane.
func (p *printer) symbol(bits uint32, wide bool) string {
	p.consts[bits] = true
	if wide && p.code.target == AVX2 {
		return fmt.Sprintf("wide%08x<>(SB)", bits)
	}
	return fmt.Sprintf("word%08x<>(SB)", bits)
}

func (p *printer) slot(iv *interval) string {
	return fmt.Sprintf("%d(SP)", p.frame+iv.slot*p.code.target.bytes())
}

// scratch hands out the registers kept free for one instruction's spilled operands.
type scratch struct {
	gp, vec, mask int
	of            map[reg]string
}

// instruction prints one instruction.
func (p *printer) instruction(in *inst) {
	switch in.flow {
	case label:
		p.stored = ""
		fmt.Fprintf(&p.out, "\n%s:\n", in.a[0].name)
		return
	case comment:
		fmt.Fprintf(&p.out, "\t// %s\n", in.op)
		return
	case jump, branch:
		p.line(in.op, in.a[0].name)
		return
	case divide:
		p.division(in)
		return
	case pause:
		p.stored = ""
		p.pause(in)
		p.stored = ""
		return
	}
	if p.isMove(in) {
		p.copyNumber(in)
		return
	}
	p.computation(in)
}

// copyNumber prints a copy between general registers or their slots.
func (p *printer) copyNumber(in *inst) {
	s := &scratch{of: map[reg]string{}}
	from, to := p.place(in.a[0], s), p.place(in.a[1], s)
	switch {
	case from == to:
	case inFrame(from) && inFrame(to):
		p.line("MOVQ", from, gpScratch[0])
		p.line("MOVQ", gpScratch[0], to)
	default:
		p.line("MOVQ", from, to)
	}
}

// computation prints an instruction with the loads and stores of spilled operands.
func (p *printer) computation(in *inst) {
	s := &scratch{of: map[reg]string{}}
	var stores []func()
	in.registers(func(r reg, read, write bool) {
		iv := p.alloc.at[r]
		if iv.phys >= 0 {
			return
		}
		name, ok := s.of[r]
		if !ok {
			name = p.take(s, r)
			s.of[r] = name
		}
		if read && !ok {
			p.move(p.code.classes[r], p.slot(iv), name)
		}
		if write {
			stores = append(stores, func() { p.move(p.code.classes[r], name, p.slot(iv)) })
		}
	})
	op := in.op
	a := make([]string, len(in.a))
	for i, o := range in.a {
		a[i] = p.operand(o, s)
		if o.element {
			op = p.broadcasting(op)
		}
		if o.kind != constOperand {
			continue
		}
		n, kept := p.spare[o.bits]
		switch {
		case kept:
			a[i] = p.code.target.registerName(vec, n, operand{})
		case op == moveVector && o.bits == 0:
			op = map[Target]string{AVX2: "VXORPS", AVX512: "VPXORD"}[p.code.target]
			a = []string{p.operand(in.a[1], s), p.operand(in.a[1], s), p.operand(in.a[1], s)}
			p.line(op, a...)
			for _, f := range stores {
				f()
			}
			return
		case op == moveVector:
			op, a[i] = "VBROADCASTSS", p.symbol(o.bits, false)
		default:
			a[i] = p.symbol(o.bits, true)
			op = p.broadcasting(op)
		}
	}
	if op == moveVector {
		op = "VMOVUPS"
	}
	if len(a) == 2 && a[0] == a[1] && (op == "VMOVUPS" || op == "MOVQ") {
		return
	}
	p.line(op, a...)
	for _, f := range stores {
		f()
	}
}

// isMove reports whether an instruction copies a general register or a small constant.
func (p *printer) isMove(in *inst) bool {
	if in.op != "MOVQ" || len(in.a) != 2 || in.a[1].kind != regOperand || p.code.classes[in.a[1].reg] != gp {
		return false
	}
	from := in.a[0]
	return from.kind == regOperand && p.code.classes[from.reg] == gp || from.kind == immOperand && from.imm == int64(int32(from.imm))
}

// place is an operand where it lies: a register, or its slot in the frame.
func (p *printer) place(o operand, s *scratch) string {
	if o.kind == regOperand && p.alloc.at[o.reg].phys < 0 {
		return p.slot(p.alloc.at[o.reg])
	}
	return p.operand(o, s)
}

// moveVector copies a vector register or fills one with a constant.
const moveVector = "MOVEVECTOR"

// broadcasting gives op the suffix of a memory operand that is one element.
func (p *printer) broadcasting(op string) string {
	if p.code.target == AVX2 {
		return op
	}
	if base, ok := strings.CutSuffix(op, ".Z"); ok {
		return base + ".BCST.Z"
	}
	return op + ".BCST"
}

// take returns a register kept free for the class of r.
func (p *printer) take(s *scratch, r reg) string {
	switch p.code.classes[r] {
	case gp:
		s.gp++
		return gpScratch[s.gp-1]
	case vec:
		s.vec++ // a fourth one is a result, which may take the place of an operand
		return p.code.target.registerName(vec, p.alloc.scratch[(s.vec-1)%len(p.alloc.scratch)], operand{})
	}
	s.mask++ // a third one is a result, which may take the place of an operand
	return p.code.target.registerName(mask, p.alloc.masks+(s.mask-1)%2, operand{})
}

func (p *printer) move(c class, from, to string) {
	p.line(map[class]string{gp: "MOVQ", vec: "VMOVUPS", mask: "KMOVW"}[c], from, to)
}

// operand prints one operand.
func (p *printer) operand(o operand, s *scratch) string {
	switch o.kind {
	case regOperand:
		return p.register(o.reg, o, s)
	case immOperand:
		return "$" + strconv.FormatInt(o.imm, 10)
	case memOperand:
		if o.name != "" {
			return o.name
		}
		var b strings.Builder
		if o.disp != 0 {
			b.WriteString(strconv.FormatInt(o.disp, 10))
		}
		if o.base == 0 {
			b.WriteString("(SP)")
		} else {
			fmt.Fprintf(&b, "(%s)", p.register(o.base, operand{}, s))
		}
		if o.index != 0 {
			fmt.Fprintf(&b, "(%s*%d)", p.register(o.index, operand{}, s), o.scale)
		}
		return b.String()
	}
	return ""
}

func (p *printer) register(r reg, view operand, s *scratch) string {
	iv := p.alloc.at[r]
	c := p.code.classes[r]
	if iv.phys >= 0 {
		return p.code.target.registerName(c, iv.phys, view)
	}
	name := s.of[r]
	if c == vec && (view.half || view.lower) {
		n, _ := strconv.Atoi(name[1:])
		return p.code.target.registerName(vec, n, view)
	}
	return name
}

// division prints the fixed-register sequence of a 64-bit division, rounded down.
// All operands of divisions are known not to be negative, except with FLOOR.
func (p *printer) division(in *inst) {
	s := &scratch{of: map[reg]string{}}
	place := func(o operand) string { return p.place(o, s) }
	if d := in.a[1]; d.kind == immOperand && d.imm > 1 && d.imm < 1<<20 {
		p.constDivision(in, d.imm, place)
		return
	}
	p.line("MOVQ", place(in.a[1]), "CX")
	p.line("MOVQ", place(in.a[0]), "AX")
	if in.op == "FLOOR" {
		p.line("CQO")
		p.line("IDIVQ", "CX")
		// A remainder of the other sign: one less.
		p.line("MOVQ", place(in.a[0]), "CX")
		p.line("XORQ", place(in.a[1]), "CX")
		p.line("SARQ", "$63", "CX") // -1 when the signs differ
		p.line("NEGQ", "DX")
		p.line("SBBQ", "DX", "DX") // -1 when the remainder is not zero
		p.line("ANDQ", "DX", "CX")
		p.line("ADDQ", "CX", "AX")
		p.line("MOVQ", place(in.a[1]), "DX")
		p.line("IMULQ", "AX", "DX")
		p.line("MOVQ", place(in.a[0]), "CX")
		p.line("SUBQ", "DX", "CX")
		p.line("MOVQ", "CX", "DX")
	} else {
		p.line("XORL", "DX", "DX")
		p.line("DIVQ", "CX")
	}
	for i, r := range []string{"AX", "DX"} {
		if o := in.a[2+i]; o.kind == regOperand && p.alloc.at[o.reg] != nil {
			p.line("MOVQ", r, place(o))
		}
	}
}

// constDivision divides by a constant d below 2^20: the quotient is the high half
// of a product with m = 2^64/d, rounded up, exact for numbers below 2^64/d
// (Granlund & Montgomery 1994). A negative x, of a FLOOR, is flipped before and
// after, since floor(x/d) = ^(^x / d).
func (p *printer) constDivision(in *inst, d int64, place func(operand) string) {
	signed := in.op == "FLOOR"
	m := math.MaxUint64/uint64(d) + 1
	p.line("MOVQ", place(in.a[0]), "AX")
	if signed {
		p.line("MOVQ", "AX", "CX")
		p.line("SARQ", "$63", "CX")
		p.line("XORQ", "CX", "AX")
	}
	p.line("MOVQ", fmt.Sprintf("$%#x", m), "DX")
	p.line("MULQ", "DX")
	if signed {
		p.line("XORQ", "CX", "DX")
	}
	if o := in.a[3]; o.kind == regOperand && p.alloc.at[o.reg] != nil && p.alloc.at[o.reg].end > p.alloc.at[o.reg].start {
		p.line("IMUL3Q", fmt.Sprintf("$%d", d), "DX", "CX")
		p.line("MOVQ", place(in.a[0]), "AX")
		p.line("SUBQ", "CX", "AX")
		if q := in.a[2]; q.kind == regOperand && p.alloc.at[q.reg] != nil {
			p.line("MOVQ", "DX", place(q))
		}
		p.line("MOVQ", "AX", place(o))
		return
	}
	p.line("MOVQ", "DX", place(in.a[2]))
}
