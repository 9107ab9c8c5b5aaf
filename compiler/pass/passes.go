package pass

import (
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// tensorPasses run between build and lowering.
var tensorPasses = [...]pass[*ir.Program]{
	{name: "grad", fn: grad, required: true, exact: true, doc: "replace gradient instructions by adjoints"},
	{name: "widen", fn: widen, required: true, doc: "reduce and contract half-precision elements in float32"},
	{name: "simplify", fn: simplify, exact: true, doc: "apply rewrites that keep every bit"},
	{name: "cse", fn: cse, exact: true, doc: "merge instructions that compute the same"},
	{name: "orient", fn: orient, exact: true, doc: "write a contraction's result in the order in which it is read"},
	{name: "reuse", fn: reuse, exact: true, doc: "let conditions look at results that are kept anyway"},
	{name: "dce", fn: dce, required: true, exact: true, doc: "drop instructions that nothing needs"},
	{name: "remat", fn: remat, exact: true, doc: "compute the values of @remat instances again for the gradient"},
	{name: "fuse", fn: fuse, exact: true, doc: "group instructions into kernels"},
}

// loopPasses run between lowering and code generation.
var loopPasses = [...]pass[*loop.Program]{
	{name: "layout", fn: layout, exact: true, doc: "let weights live in the order that contractions read them in"},
	{name: "pack", fn: pack, exact: true, doc: "copy operands of contractions whose lanes are not consecutive"},
	{name: "tile", fn: tile, exact: true, doc: "run chains of batched contractions tile by tile, in the memory of one tile"},
	{name: "skip", fn: skip, doc: "leave out the keys that no row of a tile sees"},
	{name: "absorb", fn: absorb, exact: true, doc: "let maps store what copies beside them do"},
	{name: "split", fn: split, exact: true, doc: "cut maps where the parts of joined tensors meet"},
	{name: "generalize", fn: generalize, exact: true, doc: "let kernels that differ in sizes alone be one that takes them"},
	{name: "rename", fn: rename, exact: true, doc: "give kernels' parameters the shortest names that tell them apart"},
	{name: "plan", fn: plan, required: true, exact: true, doc: "place buffers in the arena by their lifetimes"},
}

// passOrder says why the tables are in this order.
var passOrder = [...]constraint{
	{"grad", "widen", "adjoints are sums too"},
	{"widen", "cse", "operands of several sums are widened once"},
	{"grad", "dce", "grad leaves adjoints that nobody reads"},
	{"grad", "simplify", "simplify drops stop_gradient, which grad obeys"},
	{"simplify", "cse", "simplified instructions coincide more often"},
	{"simplify", "dce", "simplify leaves instructions whose results were replaced"},
	{"grad", "cse", "adjoints repeat parts of the forward computation"},
	{"cse", "dce", "cse leaves instructions whose results were replaced"},
	{"cse", "fuse", "fusion copies cheap producers that cse would merge again"},
	{"simplify", "orient", "simplify moves transposes into the operands of contractions"},
	{"orient", "dce", "what orient replaces must go"},
	{"cse", "reuse", "it looks for equal operands"},
	{"reuse", "dce", "reuse leaves conditions that nobody reads"},
	{"grad", "remat", "it serves the adjoints that grad makes"},
	{"cse", "remat", "cse would merge a copy with what it repeats"},
	{"dce", "remat", "an adjoint that nobody reads needs no values"},
	{"remat", "fuse", "copies are grouped like other instructions"},
	{"layout", "pack", "a weight with a layout needs no copy"},
	{"pack", "plan", "copies are temporaries"},
	{"pack", "tile", "a copy is made once for all tiles"},
	{"tile", "skip", "it looks at the tiles of rows"},
	{"skip", "generalize", "it knows kernels by what they are called from"},
	{"tile", "split", "it takes kernels of one map"},
	{"tile", "absorb", "chains are found by their own kernels"},
	{"absorb", "split", "it takes maps that are whole"},
	{"absorb", "generalize", "copies at several sizes are one kernel"},
	{"absorb", "rename", "a map gets parameters of a copy"},
	{"split", "generalize", "cuts are at known positions"},
	{"generalize", "rename", "the names of sizes are taken"},
	{"tile", "rename", "its kernels have parameters of several"},
	{"tile", "plan", "what is local to a tile takes no place in the arena"},
	{"dce", "fuse", "a dead reader would keep a value in memory"},
}
