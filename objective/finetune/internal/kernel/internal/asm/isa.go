package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is an instruction set and its use.
type isa struct {
	name  string // suffix of functions
	lanes int    // float32 in a register
	rows  int    // of the largest tile of a product
	plain bool   // products as in plain Go: nothing fused, and subnormal numbers
}

var (
	avx512 = isa{name: "AVX512", lanes: 16, rows: 12}
	avx2   = isa{name: "AVX2", lanes: 8, rows: 6}
	avx    = isa{name: "AVX", lanes: 8, rows: 6, plain: true}
)

// vec returns a register for a vector.
func (s isa) vec() reg.VecVirtual {
	if s == avx512 {
		return ZMM()
	}
	return YMM()
}

// flushSubnormals makes the processor treat subnormal numbers as 0 and returns a function that
// undoes it. No Go code runs in between.
func flushSubnormals() (undo func()) {
	const denormalsAreZero, flushToZero = 1 << 6, 1 << 15
	// MXCSR can only be moved to and from memory.
	old, changed := AllocLocal(8), AllocLocal(8)
	STMXCSR(old)
	state := GP32()
	MOVL(old, state)
	ORL(U32(denormalsAreZero|flushToZero), state)
	MOVL(state, changed)
	LDMXCSR(changed)
	return func() { LDMXCSR(old) }
}

// labels counts, because avo needs names that are unique in a file.
var labels int

// label returns an unused name.
func label(name string) string {
	labels++
	return fmt.Sprintf("%s%d", name, labels)
}

var ones *Mem // sixteen numbers of ones, then sixteen zeros

// vectorMasks returns masks for the first n of one or two vectors of AVX.
func vectorMasks(n reg.Register, vectors int) (mask [2]reg.Register) {
	table := maskTable(n)
	for v := range vectors {
		x := YMM()
		VMOVUPS(Mem{Base: table, Disp: 32 * v}, x)
		mask[v] = x
	}
	return mask
}

// maskTable returns a pointer to n numbers of ones, then 16-n zeros.
func maskTable(n reg.Register) reg.Register {
	if ones == nil {
		table := GLOBL("ones", RODATA|NOPTR)
		for i := range 32 {
			x := U32(0)
			if i < 16 {
				x = 1<<32 - 1
			}
			DATA(4*i, x)
		}
		ones = &table
	}
	p, skip := GP64(), GP64()
	LEAQ(*ones, p)
	// The pointer starts 16-n numbers later: n ones are left before the zeros.
	MOVQ(U32(16), skip)
	SUBQ(n, skip)
	LEAQ(Mem{Base: p, Index: skip, Scale: 4}, p)
	return p
}
