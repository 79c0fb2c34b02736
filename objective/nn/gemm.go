package nn

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Gonum cuts a product into 64×64 blocks and starts goroutines when there are
// at least four. Tiles of one block by three stay below that.
const (
	tileRows = 64
	tileCols = 3 * 64
)

// gemm sets c = op(a)·op(b) + beta·c, where op is the matrix or its
// transpose. It calls the BLAS tile by tile, so that the product runs on the
// calling goroutine and the sum behind an element of c is formed in the same
// order whatever the shape of c.
func gemm(ta, tb blas.Transpose, a, b blas32.General, beta float32, c blas32.General) {
	for i := 0; i < c.Rows; i += tileRows {
		rows := min(tileRows, c.Rows-i)
		at := part(ta, a, i, rows)
		for j := 0; j < c.Cols; j += tileCols {
			cols := min(tileCols, c.Cols-j)
			ct := part(blas.NoTrans, c, i, rows)
			ct = part(blas.Trans, ct, j, cols)
			blas32.Gemm(ta, tb, 1, at, part(other(tb), b, j, cols), beta, ct)
		}
	}
}

// part returns n rows of op(m), from row i on, as a view of m.
func part(t blas.Transpose, m blas32.General, i, n int) blas32.General {
	if t == blas.NoTrans {
		m.Data = m.Data[i*m.Stride : (i+n-1)*m.Stride+m.Cols]
		m.Rows = n
		return m
	}
	m.Data = m.Data[i : (m.Rows-1)*m.Stride+i+n]
	m.Cols = n
	return m
}

func other(t blas.Transpose) blas.Transpose {
	if t == blas.NoTrans {
		return blas.Trans
	}
	return blas.NoTrans
}
