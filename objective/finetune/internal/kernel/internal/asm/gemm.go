package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm writes the product of a matrix and a panel of columns: tiles of up to s.rows rows by one or
// two vectors, with sums in registers. Each sum runs in the order of k, whatever the tile.
func gemm(s isa) {
	TEXT("gemm"+s.name, NOSPLIT, "func(m, k, n int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs int, add bool)")
	arithmetic := "Each sum is a chain of fused multiply-adds, without subnormal numbers."
	if s.plain {
		arithmetic = "Each product and each sum is rounded, as in plain Go."
	}
	Doc(
		fmt.Sprintf("gemm%s sets c, m×n, to a·b, or adds that to it, with m and k at least 1 and n", s.name),
		fmt.Sprintf("from 1 to %d. Steps are in bytes: ars and acs between rows and columns of a, brs", 2*s.lanes),
		"and crs between rows of b and c. Of a row of b n numbers, rounded up to whole",
		"vectors, are read; nothing but c is read or written of the memory around it.",
		arithmetic,
	)
	Pragma("noescape")
	// Plain arithmetic keeps subnormal numbers, as Go does.
	undo := func() {}
	if !s.plain {
		undo = flushSubnormals()
	}
	g := panel{isa: s, done: label("done")}
	g.m = Load(Param("m"), GP64())
	g.a = Load(Param("a"), GP64())
	g.ars = Load(Param("ars"), GP64())
	g.acs = Load(Param("acs"), GP64())
	g.brs = Load(Param("brs"), GP64())
	g.c = Load(Param("c"), GP64())
	// Addresses have a scale of 1, 2, 4 or 8, so the third row needs a register.
	g.ars3 = GP64()
	LEAQ(Mem{Base: g.ars, Index: g.ars, Scale: 2}, g.ars3)
	n := Load(Param("n"), GP64())
	if s == avx512 {
		g.mask = bitMasks(n)
	}
	// Two vectors of columns at once, or one if the panel is narrow.
	one := label("one")
	CMPQ(n, U8(s.lanes))
	JLE(LabelRef(one))
	g.write(2)
	Label(one)
	g.write(1)
	Label(g.done)
	// Go expects the processor's state as it was.
	undo()
	// Or later SSE code would be slow.
	VZEROUPPER()
	RET()
}

// bitMasks returns masks for the first n of two vectors of AVX512.
func bitMasks(n reg.Register) (mask [2]reg.Register) {
	bits := GP64()
	MOVQ(I32(-1), bits)
	// Clears the bits from n on: what is left marks the first n numbers.
	BZHIQ(n, bits, bits)
	for v := range mask {
		mask[v] = K()
		KMOVW(bits.As32(), mask[v])
		SHRQ(U8(16), bits)
	}
	return mask
}

// A panel is a loop over the tiles of some columns. Its registers are live throughout.
type panel struct {
	isa
	m, a, c        reg.Register // rows left, and the start of their part of a and c
	ars, ars3, acs reg.Register // steps of a, and three of ars
	brs            reg.Register
	mask           [2]reg.Register // for AVX512: the columns of c
	done           string
}

// write writes the loop for so many vectors of columns.
func (g *panel) write(vectors int) {
	next := label("next")
	tile := func(r int) string { return fmt.Sprintf("%srows%d", next, r) }
	Label(next)
	// Split the last rows into two tiles of about equal height: a tile of only a few rows would
	// mostly wait for its sums.
	CMPQ(g.m, U8(g.rows+g.rows/3))
	JGE(LabelRef(tile(g.rows)))
	CMPQ(g.m, U8(g.rows))
	JG(LabelRef(tile(2 * g.rows / 3)))
	for r := g.rows; r > 0; r-- {
		CMPQ(g.m, U8(r))
		JE(LabelRef(tile(r)))
	}
	JMP(LabelRef(g.done))
	for r := g.rows; r > 0; r-- {
		Label(tile(r))
		g.tile(r, vectors)
		SUBQ(U8(r), g.m)
		step := GP64()
		IMUL3Q(U8(r), g.ars, step)
		ADDQ(step, g.a)
		Load(Param("crs"), step)
		IMUL3Q(U8(r), step, step)
		ADDQ(step, g.c)
		JMP(LabelRef(next))
	}
}

// tile writes a tile of so many rows.
func (g *panel) tile(rows, vectors int) {
	// All sums of a tile live in registers for the whole loop.
	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		for range vectors {
			acc[r] = append(acc[r], g.vec())
		}
	}
	// Sums start at 0 or at c.
	load, product := label("load"), label("product")
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JNE(LabelRef(load))
	for r, row := range g.cRows(rows) {
		for v, x := range acc[r] {
			// c is written at the end; its lines can arrive meanwhile.
			PREFETCHT0(g.at(row, v))
			VXORPS(x, x, x)
		}
	}
	JMP(LabelRef(product))
	Label(load)
	g.move(acc, false)

	Label(product)
	at := make([]Mem, rows) // an element of each row of a
	var groups []reg.Register
	for r := range at {
		// A pointer reaches four rows by its steps; more rows need another one.
		if r%4 == 0 {
			p := GP64()
			if r == 0 {
				MOVQ(g.a, p)
			} else {
				LEAQ(Mem{Base: groups[len(groups)-1], Index: g.ars, Scale: 4}, p)
			}
			groups = append(groups, p)
		}
		at[r] = rowOf(groups[r/4], g.ars, g.ars3, r%4)
	}
	b := Load(Param("b"), GP64())
	k := Load(Param("k"), GP64())
	loop := label("loop")
	Label(loop)
	bs := make([]reg.VecVirtual, vectors)
	for v := range bs {
		bs[v] = g.vec()
		VMOVUPS(Mem{Base: b, Disp: 4 * g.lanes * v}, bs[v])
	}
	for r := range acc {
		x := g.vec()
		// One number of a for all columns.
		VBROADCASTSS(at[r], x)
		for v := range bs {
			// Two instructions round twice, as plain Go does.
			if g.plain {
				product := g.vec()
				VMULPS(bs[v], x, product)
				VADDPS(product, acc[r][v], acc[r][v])
			} else {
				VFMADD231PS(bs[v], x, acc[r][v])
			}
		}
	}
	for _, p := range groups {
		ADDQ(g.acs, p)
	}
	ADDQ(g.brs, b)
	DECQ(k)
	JNE(LabelRef(loop))
	g.move(acc, true)
}

// move writes the loads of c into the registers of a tile, or its stores.
func (g *panel) move(acc [][]reg.VecVirtual, store bool) {
	vectors := len(acc[0])
	if g.isa == avx512 {
		for r, row := range g.cRows(len(acc)) {
			for v, x := range acc[r] {
				if store {
					VMOVUPS(x, g.mask[v], g.at(row, v))
				} else {
					VMOVUPS_Z(g.at(row, v), g.mask[v], x)
				}
			}
		}
		return
	}
	// Masked moves are slow, so whole vectors avoid them.
	masked, done := label("masked"), label("moved")
	n := Load(Param("n"), GP64())
	CMPQ(n, U8(vectors*g.lanes))
	JNE(LabelRef(masked))
	for r, row := range g.cRows(len(acc)) {
		for v, x := range acc[r] {
			if store {
				VMOVUPS(x, g.at(row, v))
			} else {
				VMOVUPS(g.at(row, v), x)
			}
		}
	}
	JMP(LabelRef(done))
	Label(masked)
	mask := vectorMasks(n, vectors)
	for r, row := range g.cRows(len(acc)) {
		for v, x := range acc[r] {
			if store {
				VMASKMOVPS(x, mask[v], g.at(row, v))
			} else {
				VMASKMOVPS(g.at(row, v), mask[v], x)
			}
		}
	}
	Label(done)
}

// cRows iterates over the rows of a tile of c and writes the steps between them.
func (g *panel) cRows(rows int) func(func(int, Mem) bool) {
	return func(yield func(int, Mem) bool) {
		crs := Load(Param("crs"), GP64())
		crs3, p := GP64(), GP64()
		LEAQ(Mem{Base: crs, Index: crs, Scale: 2}, crs3)
		MOVQ(g.c, p)
		for r := range rows {
			if r > 0 && r%4 == 0 {
				LEAQ(Mem{Base: p, Index: crs, Scale: 4}, p)
			}
			if !yield(r, rowOf(p, crs, crs3, r%4)) {
				return
			}
		}
	}
}

// at is vector v of a row.
func (g *panel) at(row Mem, v int) Mem {
	row.Disp += 4 * g.lanes * v
	return row
}

// rowOf is the memory at row r of 0 to 3, starting at p.
func rowOf(p, step, step3 reg.Register, r int) Mem {
	switch r {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: step3, Scale: 1}
	}
	return Mem{Base: p, Index: step, Scale: uint8(r)}
}
