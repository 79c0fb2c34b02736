//go:build !openblas

package kernel

import "gonum.org/v1/gonum/blas/blas32"

// hasOpenBLAS is a constant, so the other branch is not even compiled.
const hasOpenBLAS = false

// gemmOpenBLAS is never called, because the kernel is not Available.
func gemmOpenBLAS(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	panic("kernel: built without OpenBLAS")
}
