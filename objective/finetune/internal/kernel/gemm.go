package kernel

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Gemm sets c = op(a)·op(b) + beta·c for an m×n matrix c, where op is the identity (blas.NoTrans)
// or the transpose (blas.Trans) and beta is 0, whatever c holds, or 1. Stride may exceed Cols. c
// must not overlap a or b.
//
// AVX2 and AVX512 treat subnormal numbers as 0, so they cost nothing.
func Gemm(ta, tb blas.Transpose, a, b blas32.General, beta float32, c blas32.General) {
	choice().kernel.Gemm(ta, tb, a, b, beta, c)
}

// Gemm is the function Gemm with the kernel kern, which must be Available.
func (kern Kernel) Gemm(ta, tb blas.Transpose, a, b blas32.General, beta float32, c blas32.General) {
	m, n := c.Rows, c.Cols
	k := a.Cols
	am, bn := a.Rows, b.Cols
	bk := b.Rows
	if ta != blas.NoTrans {
		am, k = k, am
	}
	if tb != blas.NoTrans {
		bk, bn = bn, bk
	}
	if am != m || bn != n || bk != k {
		panic(fmt.Sprintf("kernel: a product of %d×%d and %d×%d into %d×%d", am, k, bk, bn, m, n))
	}
	if beta != 0 && beta != 1 {
		panic(fmt.Sprintf("kernel: beta is %v, want 0 or 1", beta))
	}
	// The assembly does not check bounds, so all is checked here.
	inside(a)
	inside(b)
	inside(c)
	if m == 0 || n == 0 {
		return
	}
	// An empty sum is 0; kernels expect at least one term.
	if k == 0 {
		if beta == 0 {
			for i := range m {
				clear(c.Data[i*c.Stride : i*c.Stride+n])
			}
		}
		return
	}
	if kern == OpenBLAS {
		gemmOpenBLAS(ta != blas.NoTrans, tb != blas.NoTrans, m, n, k, a, b, beta == 1, c)
	} else {
		kern.gemm(ta != blas.NoTrans, tb != blas.NoTrans, m, n, k, a, b, beta == 1, c)
	}
}

// inside panics unless the rows of x are within its memory and disjoint.
func inside(x blas32.General) {
	if x.Rows < 0 || x.Cols < 0 || x.Stride < x.Cols ||
		x.Rows > 0 && x.Cols > 0 && (x.Rows-1)*x.Stride+x.Cols > len(x.Data) {
		panic(fmt.Sprintf("kernel: a %d×%d matrix with stride %d in %d numbers", x.Rows, x.Cols, x.Stride, len(x.Data)))
	}
}
