//go:build openblas

// Package openblas multiplies matrices by the C library OpenBLAS, on the thread
// that calls it. It needs the library's headers and cgo (Debian:
// libopenblas-dev). It is a package of its own because one with assembly may
// not use cgo.
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

// Gemm sets c = op(a)·op(b), or adds it to c, as blas.Float32Level3 has it.
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
