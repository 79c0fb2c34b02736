package nn

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// SoftmaxCrossEntropy is the loss of a classifier. With pⱼ the softmax of a row of logits at class
// j and q the target distribution, it is
//
//	-Σⱼ wⱼ·qⱼ·ln pⱼ   with qⱼ = (1-ε)·[j = label] + ε/c
//
// Without class weights w and label smoothing ε that is the negative log-probability of the label.
// C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture
// for Computer Vision", 2016, section 7, for ε. It is computed by log-sum-exp in float64 and is
// finite for all finite logits.
type SoftmaxCrossEntropy struct {
	Smoothing float64   // ε, in [0, 1)
	Weights   []float64 // w, c numbers of at least 0; nil: all 1

	weight float64        // of the last Forward's labels
	grad   blas32.General // n×c, of the last Forward's sum in the logits
	buf    buffer
}

// Forward returns the loss summed over the rows of logits, n×c, and how many rows have their
// largest logit (the first, if equal) at the label. There are n labels, each below c.
func (s *SoftmaxCrossEntropy) Forward(logits blas32.General, labels []int) (sum float64, correct int) {
	s.weight = s.Weight(labels)
	s.grad = s.buf.matrix(logits.Rows, logits.Cols)
	for i, label := range labels {
		row := logits.Data[i*logits.Stride : i*logits.Stride+logits.Cols]
		grad := s.grad.Data[i*s.grad.Stride : i*s.grad.Stride+s.grad.Cols]
		// The largest logit is also the prediction.
		top := 0
		for j, z := range row {
			if z > row[top] {
				top = j
			}
		}
		var total float64
		for _, z := range row {
			// At most 1 each, so the sum cannot overflow.
			total += math.Exp(float64(z) - float64(row[top]))
		}
		logTotal := float64(row[top]) + math.Log(total)
		// The usual case needs one pass less.
		if s.Smoothing == 0 && s.Weights == nil {
			for j, z := range row { // p - [j = label]
				grad[j] = float32(math.Exp(float64(z) - logTotal))
			}
			grad[label]--
			sum += logTotal - float64(row[label])
		} else {
			sum += s.smoothed(grad, row, label, logTotal)
		}
		if top == label {
			correct++
		}
	}
	return sum, correct
}

// smoothed sets grad to the gradient of one row's loss and returns the loss.
func (s *SoftmaxCrossEntropy) smoothed(grad, row []float32, label int, logTotal float64) (loss float64) {
	var all float64 // Σⱼ wⱼ·qⱼ
	for j, z := range row {
		wq := s.share(j, label, len(row))
		all += wq
		loss += float64(wq * (logTotal - float64(z)))
	}
	for j, z := range row { // (Σₖ wₖ·qₖ)·pⱼ - wⱼ·qⱼ
		grad[j] = float32(float64(all*math.Exp(float64(z)-logTotal)) - s.share(j, label, len(row)))
	}
	return loss
}

// share returns wⱼ·qⱼ.
func (s *SoftmaxCrossEntropy) share(j, label, classes int) float64 {
	q := s.Smoothing / float64(classes)
	if j == label {
		q += 1 - s.Smoothing
	}
	if s.Weights != nil {
		q *= s.Weights[j]
	}
	return q
}

// Weight returns Σ w[label] over the labels, the divisor that turns Forward's sum into the
// mean. Without Weights it is the number of labels.
func (s *SoftmaxCrossEntropy) Weight(labels []int) float64 {
	if s.Weights == nil {
		return float64(len(labels))
	}
	var sum float64
	for _, label := range labels {
		sum += s.Weights[label]
	}
	return sum
}

// Backward returns the gradient of the last Forward's mean loss with respect to the logits, n×c:
// that of the sum divided by the Weight of its labels, or 0 if that is 0. Call it once per Forward;
// the next Forward overwrites the result.
func (s *SoftmaxCrossEntropy) Backward() (dlogits blas32.General) { return s.BackwardOf(s.weight) }

// BackwardOf is Backward for one of several passes of a step, whose labels together have that
// Weight.
func (s *SoftmaxCrossEntropy) BackwardOf(weight float64) (dlogits blas32.General) {
	return divided(s.grad, weight)
}

// divided divides the elements of m by a number; by 0 gives 0.
func divided(m blas32.General, by float64) blas32.General {
	scale := 1 / float32(by)
	if by == 0 {
		scale = 0
	}
	kernel.Scale(m.Data, scale)
	return m
}
