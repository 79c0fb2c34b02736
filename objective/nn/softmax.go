package nn

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"
)

// SoftmaxCrossEntropy is the loss of a classifier: the negative log of the
// probability that the softmax of a row of logits gives to the row's label.
// It is computed by log-sum-exp in float64 and is finite for all finite
// logits.
type SoftmaxCrossEntropy struct {
	labels []int
	p      blas32.General // n×c, probabilities of the last Forward
	buf    buffer
}

// Forward returns the loss summed over the rows of logits, n×c, and how many
// rows have their largest logit at the label (the first of equal ones
// counts). There are n labels, each below c.
func (s *SoftmaxCrossEntropy) Forward(logits blas32.General, labels []int) (sum float64, correct int) {
	s.labels = labels
	s.p = s.buf.matrix(logits.Rows, logits.Cols)
	for i, label := range labels {
		row := logits.Data[i*logits.Stride : i*logits.Stride+logits.Cols]
		p := s.p.Data[i*s.p.Stride : i*s.p.Stride+s.p.Cols]
		top := 0
		for j, z := range row {
			if z > row[top] {
				top = j
			}
		}
		var total float64
		for _, z := range row {
			total += math.Exp(float64(z) - float64(row[top]))
		}
		logTotal := float64(row[top]) + math.Log(total)
		for j, z := range row {
			p[j] = float32(math.Exp(float64(z) - logTotal))
		}
		sum += logTotal - float64(row[label])
		if top == label {
			correct++
		}
	}
	return sum, correct
}

// Backward returns the gradient of the mean loss of the last Forward in the
// logits, n×c. It may be called once per Forward; the next Forward overwrites
// the result.
func (s *SoftmaxCrossEntropy) Backward() (dlogits blas32.General) {
	scale := 1 / float32(s.p.Rows)
	for i, label := range s.labels {
		row := s.p.Data[i*s.p.Stride : i*s.p.Stride+s.p.Cols]
		row[label]--
		for j := range row { // (p - 1[j = label]) / n
			row[j] *= scale
		}
	}
	return s.p
}
