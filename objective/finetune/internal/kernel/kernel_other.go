//go:build !amd64 || purego

package kernel

import "gonum.org/v1/gonum/blas/blas32"

func vectorKernels() []Kernel { return nil }

func (Kernel) gemm(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	gemmGeneric(ta, tb, m, n, k, a, b, add, c)
}
