package simd

import (
	"fmt"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// A call of assembly cannot be interrupted, and Go's collector waits for it. So a
// function whose sums may be long looks at the clock between the blocks of a sum, and
// when its time is over it keeps all that it knows in a struct of the runtime, its
// registers and its frame, and returns. The next call with that struct goes on.

// pauseArgument is the name of the struct's parameter.
const pauseArgument = "s"

// pauseRoom is the size of mlrt.Pause, and what it begins with: the place to go on
// at, 0 for the beginning, and the ticks that a call may take.
const (
	pauseRoom  = 16384
	pausePlace = 0
	pauseTicks = 8
	pauseState = 16
)

// pauses are the places of a function at which its call may pause.
type pauses struct {
	argument string
	n        int
	deadline string // in the frame: when the time is over
	count    string // in the frame: passes until the next look at the clock
	save     string // where the frame is kept
	restore  string
	room     int // bytes that are kept besides the frame
}

// TakePause gives a function that does not pause the parameter of those that do.
func (f *Function) TakePause() {
	if !f.Pauses {
		f.pauseArgument()
	}
}

// mayPause marks a place between blocks of so many steps of a sum.
func (g *generator) mayPause(steps int64) {
	every := int64(16)
	switch steps {
	case contractBlock:
		every = 1
	case serialBlock:
		every = 4
	}
	g.pauses = true
	g.put(inst{flow: pause, a: []operand{imm(every)}})
}

// fewPoints is up to how many points a loop that sums up nothing is short.
const fewPoints = 1024

// mayPauseIn marks a place in a loop over axes, unless they are short.
func (g *generator) mayPauseIn(axes []*loop.Axis) {
	points := dim.Const(1)
	for _, a := range axes {
		points = points.Mul(a.Extent)
	}
	if n, known := points.Int(); !known || n > fewPoints {
		g.mayPause(0)
	}
}

// pauseArgument is the operand of the struct's address.
func (f *Function) pauseArgument() string {
	f.Pauses = true
	at := f.size
	f.size += 8
	return fmt.Sprintf("%s+%d(FP)", pauseArgument, at)
}

// pause prints a place at which the call may end. AX, CX and DX hold nothing here.
func (p *printer) pause(in *inst) {
	s := p.pauses
	if s == nil {
		return
	}
	s.n++
	if every := in.a[0].imm; every > 1 {
		p.line("DECQ", "pauseCount(SP)")
		p.line("JGT", fmt.Sprintf("go%d", s.n))
		p.line("MOVQ", fmt.Sprintf("$%d", every), "pauseCount(SP)")
	}
	p.clock()
	p.line("CMPQ", "AX", "pauseEnd(SP)")
	p.line("JLT", fmt.Sprintf("go%d", s.n))
	p.line("MOVQ", fmt.Sprintf("$%d", s.n), "CX")
	p.line("JMP", "pause")
	fmt.Fprintf(&p.out, "\ngo%d:\n", s.n)
}

// clock puts the time stamp into AX.
func (p *printer) clock() {
	p.line("RDTSC")
	p.line("SHLQ", "$32", "DX")
	p.line("ORQ", "DX", "AX")
}

// finish prints what keeps a call's state, behind the function's end, and prepares
// what brings it back. It returns the size of the frame with its own part.
func (s *pauses) finish(p *printer, frame int) int {
	if s.n == 0 {
		return frame
	}
	end, count := frame, frame+8
	frame += 16
	var save, restore strings.Builder
	at := pauseState
	keep := func(move, name string, size int) {
		at = (at + size - 1) / size * size
		fmt.Fprintf(&save, "\t%s %s, %d(AX)\n", move, name, at)
		fmt.Fprintf(&restore, "\t%s %d(AX), %s\n", move, at, name)
		at += size
	}
	for n, used := range p.alloc.used {
		if used {
			keep("VMOVUPS", p.code.target.registerName(vec, n, operand{}), p.code.target.bytes())
		}
	}
	if p.code.target == AVX512 {
		for n := range p.code.target.registerCount(mask) {
			keep("KMOVW", p.code.target.registerName(mask, n, operand{}), 8)
		}
	}
	for _, name := range gpRegisters {
		keep("MOVQ", name, 8)
	}
	copies := func(from, to string) string {
		return fmt.Sprintf("\tMOVQ $frameWords, CX\n\tLEAQ %s, SI\n\tLEAQ %s, DI\n\tREP; MOVSQ\n", from, to)
	}
	kept := fmt.Sprintf("%d(AX)", at)
	// The first look at the clock sets the time at which the call ends.
	fmt.Fprintf(&p.out, "\npause:\n\tCMPQ pauseEnd(SP), $0\n\tJNE over\n\tMOVQ %s, DX\n\tADDQ %d(DX), AX\n\tMOVQ AX, pauseEnd(SP)\n%s", s.argument, pauseTicks, s.places())
	fmt.Fprintf(&p.out, "\nover:\n\tMOVQ %s, AX\n\tMOVQ CX, %d(AX)\n%s%s\tVZEROUPPER\n\tRET\n", s.argument, pausePlace, save.String(), copies("0(SP)", kept))
	s.restore = restore.String()
	s.save, s.room = kept, at
	body := strings.NewReplacer("pauseEnd(SP)", fmt.Sprintf("%d(SP)", end), "pauseCount(SP)", fmt.Sprintf("%d(SP)", count)).Replace(p.out.String())
	p.out.Reset()
	p.out.WriteString(body)
	s.deadline, s.count = fmt.Sprintf("%d(SP)", end), fmt.Sprintf("%d(SP)", count)
	return frame
}

// enter puts before the function's beginning what goes on at the place where the
// call before paused.
func (s *pauses) enter(f *Function) {
	if s.n == 0 {
		return
	}
	words := f.frame / 8
	var b strings.Builder
	fmt.Fprintf(&b, "\tMOVQ %s, AX\n\tCMPQ %d(AX), $0\n\tJEQ begin\n", s.argument, pausePlace)
	fmt.Fprintf(&b, "\tMOVQ $frameWords, CX\n\tLEAQ %s, SI\n\tLEAQ 0(SP), DI\n\tREP; MOVSQ\n", s.save)
	b.WriteString(s.restore)
	fmt.Fprintf(&b, "\tMOVQ %d(AX), CX\n\tMOVQ $0, %d(AX)\n", pausePlace, pausePlace)
	b.WriteString(s.start())
	b.WriteString(s.places())
	b.WriteString("\nbegin:\n" + s.start() + f.body)
	f.body = strings.ReplaceAll(b.String(), "$frameWords", fmt.Sprintf("$%d", words))
}

// start has the call look at the clock at the first place that it comes to.
func (s *pauses) start() string {
	return fmt.Sprintf("\tMOVQ $0, %s\n\tMOVQ $1, %s\n", s.deadline, s.count)
}

// places jumps to the place whose number is in CX.
func (s *pauses) places() string {
	var b strings.Builder
	for i := range s.n - 1 {
		fmt.Fprintf(&b, "\tCMPQ CX, $%d\n\tJEQ go%d\n", i+1, i+1)
	}
	fmt.Fprintf(&b, "\tJMP go%d\n", s.n)
	return b.String()
}
