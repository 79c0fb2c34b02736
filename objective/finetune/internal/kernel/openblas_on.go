//go:build openblas

package kernel

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel/internal/openblas"
)

// hasOpenBLAS makes the kernel Available.
const hasOpenBLAS = true

// gemmOpenBLAS hands the product to the library, whose order of sums is unknown.
func gemmOpenBLAS(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	beta := float32(0)
	if add {
		beta = 1
	}
	openblas.Gemm(ta, tb, m, n, k, a.Data, a.Stride, b.Data, b.Stride, beta, c.Data, c.Stride)
}
