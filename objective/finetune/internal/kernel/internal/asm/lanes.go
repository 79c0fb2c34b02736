package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// width is the number of elements per iteration: one register of AVX512 or two of AVX2, so that a
// sum has the same sixteen lanes in both.
const width = 16

// A pass is a function over vectors of n elements.
type pass struct {
	isa
	n      reg.Register
	i      reg.Register // position of the loop
	masked bool         // whether it is at the end, with fewer than width left
	mask   reg.Register // of those left: bits for AVX512, a pointer to numbers for AVX2
}

// vectorFunc starts a function over vectors; all have the length of the argument called first.
func vectorFunc(s isa, name, signature, doc, first string) *pass {
	TEXT(name+s.name, NOSPLIT, signature)
	Doc(name + s.name + " " + doc)
	Pragma("noescape")
	return &pass{isa: s, n: Load(Param(first).Len(), GP64())}
}

// end returns to Go.
func (p *pass) end() {
	VZEROUPPER()
	RET()
}

// parts is how many registers hold width elements.
func (p *pass) parts() int { return width / p.lanes }

// pointer loads the address of a slice.
func (p *pass) pointer(name string) reg.Register { return Load(Param(name).Base(), GP64()) }

// each writes body for each part of a loop over the elements, first for whole vectors, then for the
// end.
func (p *pass) each(body func(part int)) {
	loop, end, done := label("loop"), label("end"), label("done")
	p.i = GP64()
	XORQ(p.i, p.i)
	left := GP64()
	MOVQ(p.n, left)
	SUBQ(U8(width), left)
	JLT(LabelRef(end))
	Label(loop)
	p.masked = false
	for part := range p.parts() {
		body(part)
	}
	ADDQ(U8(width), p.i)
	SUBQ(U8(width), left)
	JGE(LabelRef(loop))
	Label(end)
	// Undo the last subtraction: what is left is 0 to 15.
	ADDQ(U8(width), left)
	JEQ(LabelRef(done))
	p.masked = true
	if p.isa == avx512 {
		p.mask = bitMasks(left)[0]
	} else {
		p.mask = maskTable(left)
	}
	for part := range p.parts() {
		body(part)
	}
	Label(done)
}

// at is the memory of a part at the position of the loop.
func (p *pass) at(base reg.Register, part int) Mem {
	return Mem{Base: base, Index: p.i, Scale: 4, Disp: 4 * p.lanes * part}
}

// part returns the mask of a part for AVX2 at the end.
func (p *pass) part(part int) reg.Register {
	x := YMM()
	VMOVUPS(Mem{Base: p.mask, Disp: 32 * part}, x)
	return x
}

// load returns the elements, padded with zeros at the end.
func (p *pass) load(base reg.Register, part int) reg.VecVirtual {
	x := p.vec()
	switch {
	case !p.masked:
		VMOVUPS(p.at(base, part), x)
	case p.isa == avx512:
		VMOVUPS_Z(p.at(base, part), p.mask, x)
	default:
		VMASKMOVPS(p.at(base, part), p.part(part), x)
	}
	return x
}

// store writes the elements; padding at the end is not written.
func (p *pass) store(x reg.Register, base reg.Register, part int) {
	switch {
	case !p.masked:
		VMOVUPS(x, p.at(base, part))
	case p.isa == avx512:
		VMOVUPS(x, p.mask, p.at(base, part))
	default:
		VMASKMOVPS(x, p.part(part), p.at(base, part))
	}
}

// clip zeroes the padding at the end.
func (p *pass) clip(x reg.VecVirtual, part int) reg.VecVirtual {
	if !p.masked {
		return x
	}
	y := p.vec()
	if p.isa == avx512 {
		VMOVAPS_Z(x, p.mask, y)
	} else {
		VANDPS(p.part(part), x, y)
	}
	return y
}

// Arithmetic; each operation rounds. The last operand may be a constant.

func (p *pass) add(x reg.Register, y Op) reg.VecVirtual { z := p.vec(); VADDPS(y, x, z); return z }
func (p *pass) sub(x reg.Register, y Op) reg.VecVirtual { z := p.vec(); VSUBPS(y, x, z); return z }
func (p *pass) mul(x reg.Register, y Op) reg.VecVirtual { z := p.vec(); VMULPS(y, x, z); return z }
func (p *pass) div(x reg.Register, y Op) reg.VecVirtual { z := p.vec(); VDIVPS(y, x, z); return z }

// max is y unless x is greater, also if one is NaN.
func (p *pass) max(x reg.Register, y Op) reg.VecVirtual { z := p.vec(); VMAXPS(y, x, z); return z }

// Comparisons of VCMPPS.
const (
	less    = 1 // false for NaN
	notLess = 5 // true for NaN
)

// where returns z where x compares so with y, else 0.
func (p *pass) where(compare int, x reg.Register, y Op, z reg.Register) reg.VecVirtual {
	r := p.vec()
	if p.isa == avx512 {
		k := K()
		VCMPPS(U8(compare), y, x, k)
		VMOVAPS_Z(z, k, r)
		return r
	}
	VCMPPS(U8(compare), y, x, r)
	VANDPS(z, r, r)
	return r
}

// choose returns z where x compares so with y, else other, which it overwrites.
func (p *pass) choose(compare int, x reg.Register, y Op, z reg.Register, other reg.VecVirtual) reg.VecVirtual {
	if p.isa == avx512 {
		k := K()
		VCMPPS(U8(compare), y, x, k)
		VMOVAPS(z, k, other)
		return other
	}
	r := p.vec()
	VCMPPS(U8(compare), y, x, r)
	VBLENDVPS(r, z, other, r)
	return r
}

// constants are written once each, however often they are used.
var constants = map[uint32]Mem{}

// bits returns a constant with sixteen copies of x.
func bits(x uint32) Mem {
	c, ok := constants[x]
	if !ok {
		c = GLOBL(fmt.Sprintf("x%08x", x), RODATA|NOPTR)
		for i := range width {
			DATA(4*i, U32(x))
		}
		constants[x] = c
	}
	return c
}

// number returns a constant with sixteen copies of x as float32.
func number(x float64) Mem { return bits(math.Float32bits(float32(x))) }

// broadcast returns a number in all lanes.
func (p *pass) broadcast(x Op) reg.VecVirtual {
	y := p.vec()
	VBROADCASTSS(x, y)
	return y
}

// param returns an argument in all lanes.
func (p *pass) param(name string) reg.VecVirtual { return p.broadcast(Load(Param(name), XMM())) }

// copies returns a constant in as many registers as hold width lanes.
func (p *pass) copies(c Mem) []reg.VecVirtual {
	var all []reg.VecVirtual
	for range p.parts() {
		x := p.vec()
		VMOVUPS(c, x)
		all = append(all, x)
	}
	return all
}

// reduce combines the lanes, l with l+8, then l+4, l+2 and l+1, by the three-operand instruction op
// and returns the result in the lowest lane.
func (p *pass) reduce(op func(...Op), acc []reg.VecVirtual) reg.VecVirtual {
	// From here on both instruction sets do the same.
	y := YMM()
	if p.isa == avx512 {
		VEXTRACTF64X4(U8(1), acc[0], y)
		op(acc[0].AsY(), y, y)
	} else {
		op(acc[1], acc[0], y)
	}
	x := XMM()
	VEXTRACTF128(U8(1), y, x)
	op(y.AsX(), x, x)
	for _, order := range []int{0b1110, 0b01} {
		z := XMM()
		VPERMILPS(U8(order), x, z)
		op(z, x, x)
	}
	return x
}

// length returns the number of elements as a float32.
func (p *pass) length() reg.VecVirtual {
	x := XMM()
	VXORPS(x, x, x)
	VCVTSI2SSQ(p.n, x, x)
	return x
}
