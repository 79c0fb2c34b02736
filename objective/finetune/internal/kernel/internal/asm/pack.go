package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packRows writes the copy of the rows of a panel. It computes nothing, so AVX512 uses the AVX2
// version.
func packRows() {
	for _, width := range []int{16, 32} {
		name := fmt.Sprintf("packRows%d", width)
		TEXT(name, NOSPLIT, "func(dst, src *float32, srs, rows int)")
		Doc(fmt.Sprintf("%s copies rows, at least 1, of %d numbers, srs bytes apart, to dst, where they are", name, width), "side by side.")
		Pragma("noescape")
		dst := Load(Param("dst"), GP64())
		src := Load(Param("src"), GP64())
		srs := Load(Param("srs"), GP64())
		rows := Load(Param("rows"), GP64())
		loop := label("loop")
		Label(loop)
		for i := range width / 8 {
			x := YMM()
			VMOVUPS(Mem{Base: src, Disp: 32 * i}, x)
			VMOVUPS(x, Mem{Base: dst, Disp: 32 * i})
		}
		ADDQ(srs, src)
		ADDQ(U32(4*width), dst)
		DECQ(rows)
		JNE(LabelRef(loop))
		VZEROUPPER()
		RET()
	}
}

// packTransposed writes the transposition of eight rows, in squares.
func packTransposed() {
	TEXT("packTransposed8", NOSPLIT, "func(dst *float32, drs int, src *float32, srs, squares int)")
	Doc("packTransposed8 sets dst to the transpose of src, 8 rows of squares×8 numbers, squares",
		"at least 1. drs and srs are the bytes between rows.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	drs := Load(Param("drs"), GP64())
	src := Load(Param("src"), GP64())
	srs := Load(Param("srs"), GP64())
	squares := Load(Param("squares"), GP64())
	drs3, srs3 := GP64(), GP64()
	LEAQ(Mem{Base: drs, Index: drs, Scale: 2}, drs3)
	LEAQ(Mem{Base: srs, Index: srs, Scale: 2}, srs3)
	// The lower four rows.
	half := GP64()
	LEAQ(Mem{Base: src, Index: srs, Scale: 4}, half)
	loop := label("loop")
	Label(loop)
	// Rows 0 to 3 and 4 to 7 share registers: x[i] has row i in the low half and row i+4 in the
	// high half, x[4+i] the same for the next four columns.
	var x [8]reg.VecVirtual
	for i := range 8 {
		x[i] = YMM()
		VMOVUPS(offset(rowOf(src, srs, srs3, i%4), 16*(i/4)), x[i].AsX())
		VINSERTF128(U8(1), offset(rowOf(half, srs, srs3, i%4), 16*(i/4)), x[i], x[i])
	}
	// Unpacking works within halves of a register, which is why rows i and i+4 share one.
	for h := range 2 {
		x0, x1, x2, x3 := x[4*h], x[4*h+1], x[4*h+2], x[4*h+3]
		lo01, hi01, lo23, hi23 := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPS(x1, x0, lo01)
		VUNPCKHPS(x1, x0, hi01)
		VUNPCKLPS(x3, x2, lo23)
		VUNPCKHPS(x3, x2, hi23)
		for i, pair := range [][2]reg.VecVirtual{{lo01, lo23}, {lo01, lo23}, {hi01, hi23}, {hi01, hi23}} {
			y := YMM()
			if i%2 == 0 {
				VUNPCKLPD(pair[1], pair[0], y)
			} else {
				VUNPCKHPD(pair[1], pair[0], y)
			}
			VMOVUPS(y, rowOf(dst, drs, drs3, i))
		}
		LEAQ(Mem{Base: dst, Index: drs, Scale: 4}, dst)
	}
	ADDQ(U8(32), src)
	ADDQ(U8(32), half)
	DECQ(squares)
	JNE(LabelRef(loop))
	VZEROUPPER()
	RET()
}

// offset moves an address by some bytes.
func offset(m Mem, bytes int) Mem {
	m.Disp += bytes
	return m
}
