package simd

// class is a kind of register.
type class uint8

const (
	gp class = iota
	vec
	mask
)

// reg is a virtual register; 0 is none.
type reg int32

type operandKind uint8

const (
	regOperand operandKind = iota + 1
	memOperand             // disp(base)(index*scale), or an argument or symbol by name
	immOperand
	constOperand // a 32-bit pattern in every lane, in read-only memory or in a spare register
	labelOperand
)

// operand is one operand of an instruction.
type operand struct {
	kind  operandKind
	reg   reg
	half  bool // of a vector register: its lowest 128 bits, as X register
	lower bool // its lower half: Y of Z, X of Y

	base, index reg
	scale       uint8
	disp        int64
	name        string // of memory: "x+8(FP)" as a whole; of a label: its name
	element     bool   // of memory: one element for all lanes
	imm         int64
	bits        uint32
}

func (r reg) op() operand      { return operand{kind: regOperand, reg: r} }
func (r reg) x() operand       { return operand{kind: regOperand, reg: r, half: true} }
func (r reg) low() operand     { return operand{kind: regOperand, reg: r, lower: true} }
func imm(n int64) operand      { return operand{kind: immOperand, imm: n} }
func pattern(b uint32) operand { return operand{kind: constOperand, bits: b} }
func named(s string) operand   { return operand{kind: memOperand, name: s} }
func at(base reg, disp int64) operand {
	return operand{kind: memOperand, base: base, disp: disp}
}

// flow says what an instruction does besides computing its last operand.
type flow uint8

const (
	plain   flow = iota
	update       // the last operand is read and written
	effect       // the last operand is read, nothing is written (stores, compares)
	label        // a[0] is the label
	jump         // always, to a[0]
	branch       // perhaps, to a[0]
	fmaForm      // d = ±a*b ± c, operands a, b, c, d; becomes one of the three forms
	divide       // a[2] = floor(a[0] / a[1]), a[3] = the remainder; 64 bits
	comment
	pause // a[0] is how often one passes it before it looks at the clock
)

// inst is one instruction over virtual registers, operands in Plan 9's order:
// the destination last.
type inst struct {
	op    string
	a     []operand
	flow  flow
	depth int8 // of loops around it, for the cost of spills
}

// registers calls f for every register that the instruction mentions.
func (i *inst) registers(f func(r reg, read, write bool)) {
	for n := range i.a {
		o := &i.a[n]
		switch o.kind {
		case memOperand:
			if o.base != 0 {
				f(o.base, true, false)
			}
			if o.index != 0 {
				f(o.index, true, false)
			}
		case regOperand:
			last := n == len(i.a)-1
			switch {
			case i.flow == divide && n >= 2:
				f(o.reg, false, true)
			case !last || i.flow == effect:
				f(o.reg, true, false)
			case i.flow == update:
				f(o.reg, true, true)
			default:
				f(o.reg, false, true)
			}
		}
	}
}
