package kernel

import "gonum.org/v1/gonum/blas/blas32"

// Add adds x to y, element by element. y may be x.
func Add(y, x []float32) { Axpy(y, 1, x) }

// Axpy sets y = y + alpha·x, rounding twice. y may be x.
func Axpy(y []float32, alpha float32, x []float32) {
	same(len(y), len(x))
	axpy(choice().vector, y, alpha, x)
}

// Scale sets y = alpha·y.
func Scale(y []float32, alpha float32) { scale(choice().vector, y, alpha) }

// AddColumnSums adds the sum of the rows of m to dst, row by row.
func AddColumnSums(dst []float32, m blas32.General) {
	same(m.Cols, len(dst))
	inside(m)
	// Row by row, so the sum over rows is one chain for each column.
	for i := range m.Rows {
		axpy(choice().vector, dst, 1, m.Data[i*m.Stride:i*m.Stride+m.Cols])
	}
}

// SumSquares returns Σ x², summed in float64. It is finite for finite x.
func SumSquares(x []float32) float64 { return sumSquares(choice().vector, x) }

// axpyGeneric rounds the product, so it is not fused.
func axpyGeneric(y []float32, alpha float32, x []float32) {
	for i, v := range x {
		y[i] += float32(alpha * v)
	}
}

// scaleGeneric is the reference for the assembly.
func scaleGeneric(y []float32, alpha float32) {
	for i := range y {
		y[i] *= alpha
	}
}

// sumSquaresGeneric sums in float64: squares of large gradients overflow float32.
func sumSquaresGeneric(x []float32) float64 {
	var s [lanes]float64
	for i, v := range x {
		s[i%lanes] += float64(v) * float64(v) // the product is exact, so fusing changes nothing
	}
	for half := lanes / 2; half > 0; half /= 2 {
		for l := range half {
			s[l] += s[l+half]
		}
	}
	return s[0]
}
