//go:build amd64 && !purego

package kernel

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/cpu"
	"gonum.org/v1/gonum/blas/blas32"
)

// Block sizes of a product, after K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication", 2008: a panel of op(b), depth×16 or depth×32, stays in the nearest caches while
// all rows of op(a) pass. Deeper blocks touch c less often, which pays overall.
const (
	depth     = 512 // largest size of a block along k
	shallow   = 192 // the same for few rows, where transposing op(b) dominates: fits the first-level cache
	few       = 64
	packRowsA = 504 // of a packed block of op(a): a multiple of both kernels' tiles
	directB   = 128 // up to so many rows of op(a), packing op(b) costs more than it saves
	directA   = 128 // the same for columns of op(b) and packing op(a)
	size      = 4   // bytes of a float32
)

// A workspace is memory for packed parts of two matrices.
type workspace struct{ a, b []float32 }

// workspaces are shared by goroutines one after the other, so a product allocates nothing
// in steady state.
var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// room returns memory for n numbers, aligned to a cache line.
func room(buf *[]float32, n int) []float32 {
	// 16 numbers are 64 bytes.
	const line = 16
	if len(*buf) < n+line {
		*buf = make([]float32, n+line)
	}
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(*buf)))/size) & (line - 1)
	return (*buf)[skip : skip+n]
}

// gemm sets c = op(a)·op(b), or adds it to c. Blocking affects only the speed: an element of c is
// always the same sum. Generic has an instruction for eight numbers where the result equals that of
// plain Go.
func (kern Kernel) gemm(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	// gemmAVX rounds twice per product and sum, like plain Go.
	width, panel := 16, gemmAVX
	switch {
	case kern == AVX512:
		width, panel = 32, gemmAVX512
	case kern == AVX2:
		panel = gemmAVX2
	// Without AVX there is only plain Go.
	case !cpu.X86.HasAVX2:
		gemmGeneric(ta, tb, m, n, k, a, b, add, c)
		return
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	deep := depth
	if tb && m <= few {
		deep = shallow
	}
	// Blocks of equal depth: a short last one would cost as much per row of c as a long one.
	blocks := (k + deep - 1) / deep
	// Packing pays once the packed part is read often enough.
	packA, packB := ta && n > directA, tb || m > directB
	height := m
	// op(a) is only cut along m when it is packed, to bound the workspace.
	if packA {
		height = packRowsA
	}
	for i0 := 0; i0 < m; i0 += height {
		rows := min(height, m-i0)
		for block := range blocks {
			k0, k1 := k*block/blocks, k*(block+1)/blocks
			kd := k1 - k0
			// Steps between rows and along k, so one kernel serves a matrix and its transpose.
			at, ars, acs := i0*a.Stride+k0, a.Stride, 1
			if ta {
				at, ars, acs = k0*a.Stride+i0, 1, a.Stride
			}
			pa := &a.Data[at]
			if packA {
				ars, acs = (kd+15)&^15+16, 1 // steps between rows are not a multiple of a page
				buf := room(&w.a, rows*ars)
				transpose(buf, ars, a.Data[at:], a.Stride, kd, rows)
				pa = &buf[0]
			}
			for j := 0; j < n; j += width {
				cols := min(width, n-j)
				var pb *float32
				brs := width
				switch {
				case tb:
					buf := room(&w.b, depth*width)
					transpose(buf, width, b.Data[j*b.Stride+k0:], b.Stride, cols, kd)
					pb = &buf[0]
				// A panel that is not full would be read beyond its end.
				case packB || cols < width:
					buf := room(&w.b, depth*width)
					copyPanel(buf, width, b.Data[k0*b.Stride+j:], b.Stride, kd, cols)
					pb = &buf[0]
				default:
					pb, brs = &b.Data[k0*b.Stride+j], b.Stride
				}
				pc := &c.Data[i0*c.Stride+j]
				// Later blocks of k continue the sum in c: still one chain per element.
				panel(rows, kd, cols, pa, size*ars, size*acs, pb, size*brs, pc, size*c.Stride, add || block > 0)
			}
		}
	}
}

// transpose sets the first cols rows of dst to the columns of src, rows×cols. Steps between rows
// are in numbers.
func transpose(dst []float32, drs int, src []float32, srs, rows, cols int) {
	// Squares of 8×8 in registers; the edges one by one.
	full, squares := rows&^7, cols/8
	if squares > 0 {
		for i := 0; i < full; i += 8 {
			packTransposed8(&dst[i], size*drs, &src[i*srs], size*srs, squares)
		}
	}
	for i := range rows {
		from := 0
		if i < full {
			from = squares * 8
		}
		for j := from; j < cols; j++ {
			dst[j*drs+i] = src[i*srs+j]
		}
	}
}

// copyPanel copies src, rows×cols, to dst, which has rows of width numbers. The remaining columns
// stay unchanged.
func copyPanel(dst []float32, width int, src []float32, srs, rows, cols int) {
	switch {
	case cols == 32 && width == 32:
		packRows32(&dst[0], &src[0], size*srs, rows)
	case cols == 16 && width == 16:
		packRows16(&dst[0], &src[0], size*srs, rows)
	default:
		for i := range rows {
			copy(dst[i*width:(i+1)*width], src[i*srs:i*srs+cols])
		}
	}
}
