//go:build !openblas

package kernel

import "gonum.org/v1/gonum/blas/blas32"

const hasOpenBLAS = false

func gemmOpenBLAS(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	panic("kernel: built without OpenBLAS")
}
