//go:build !amd64 || purego

package kernel

import "gonum.org/v1/gonum/blas/blas32"

// vectorKernels returns none: there is no assembly for this machine.
func vectorKernels() []Kernel { return nil }

// gemm has one way to compute here.
func (Kernel) gemm(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	gemmGeneric(ta, tb, m, n, k, a, b, add, c)
}
