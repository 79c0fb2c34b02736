//go:build openblas

// Package openblas multiplies matrices with the C library OpenBLAS on the calling thread. It needs
// cgo and the library's headers (Debian: libopenblas-dev). It is separate because packages with
// assembly cannot use cgo.
package openblas

// #cgo LDFLAGS: -lopenblas
// void openblas_set_num_threads(int);
import "C"

import (
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/netlib/blas/netlib"
)

var oneThread = sync.OnceFunc(func() { C.openblas_set_num_threads(1) })

// Gemm sets c = op(a)·op(b), or adds it to c, like blas.Float32Level3.
func Gemm(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	oneThread()
	netlib.Implementation{}.Sgemm(op(ta), op(tb), m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
}

func op(transposed bool) blas.Transpose {
	if transposed {
		return blas.Trans
	}
	return blas.NoTrans
}
