package nn

import "gonum.org/v1/gonum/blas/blas32"

// SquaredError is the loss of a regression: the mean of (y - target)² over the elements of a row.
type SquaredError struct {
	grad blas32.General // n×c, of the last Forward's sum in y
	buf  buffer
}

// Forward returns the loss summed over the rows of y, n×c. There are n·c targets, row by row.
func (s *SquaredError) Forward(y blas32.General, targets []float32) (sum float64) {
	s.grad = s.buf.matrix(y.Rows, y.Cols)
	for i := range y.Rows {
		for j, v := range y.Data[i*y.Stride : i*y.Stride+y.Cols] {
			e := float64(v) - float64(targets[i*y.Cols+j])
			s.grad.Data[i*y.Cols+j] = float32(2 * e / float64(y.Cols))
			sum += float64(e * e)
		}
	}
	return sum / float64(y.Cols)
}

// Backward returns the gradient of the last Forward's mean loss with respect to y, n×c. Call it
// once per Forward; the next Forward overwrites the result.
func (s *SquaredError) Backward() (dy blas32.General) { return s.BackwardOf(float64(s.grad.Rows)) }

// BackwardOf is Backward for one of several passes of a step with the given total of rows.
func (s *SquaredError) BackwardOf(rows float64) (dy blas32.General) { return divided(s.grad, rows) }
