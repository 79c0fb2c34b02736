package train

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"
)

// A criterion is what a step makes smaller. With labels it is the
// cross-entropy with the softmax of the outputs,
//
//	Σᵢ -Σⱼ wⱼ·qᵢⱼ·ln pᵢⱼ / Σᵢ w[labelᵢ]   qᵢⱼ = (1-ε)·[j = labelᵢ] + ε/c
//
// as PyTorch's CrossEntropyLoss with weights w and label smoothing ε; with
// targets, the mean squared error. The sums are over all examples of a step,
// which may come in several passes.
type criterion struct {
	smoothing float64   // ε
	weights   []float64 // w; nil: all 1

	grad blas32.General // n×c, of the last forward in the outputs, times the total weight
	buf  []float32
}

// weight returns the total weight of the examples with the given indices.
func (c *criterion) weight(s Set, indices []int) float64 {
	if c.weights == nil || s.Labels == nil {
		return float64(len(indices))
	}
	var sum float64
	for _, i := range indices {
		sum += c.weights[s.Labels[i]]
	}
	return sum
}

// forward returns the sum of the losses of the examples of s, whose outputs
// are y, n×c.
func (c *criterion) forward(y blas32.General, s Set) (sum float64) {
	if n := y.Rows * y.Cols; len(c.buf) < n {
		c.buf = make([]float32, n)
	}
	c.grad = blas32.General{Rows: y.Rows, Cols: y.Cols, Stride: y.Cols, Data: c.buf[:y.Rows*y.Cols]}
	for i, t := range s.Targets {
		e := float64(y.Data[i*y.Stride]) - float64(t)
		c.grad.Data[i] = float32(2 * e)
		sum += float64(e * e)
	}
	for i, label := range s.Labels {
		sum += c.entropy(y.Data[i*y.Stride:i*y.Stride+y.Cols], c.grad.Data[i*y.Cols:(i+1)*y.Cols], label)
	}
	return sum
}

// entropy returns the loss of one example with outputs z and its gradient.
func (c *criterion) entropy(z, grad []float32, label int) (loss float64) {
	top := z[0]
	for _, v := range z {
		top = max(top, v)
	}
	var total float64
	for _, v := range z {
		total += math.Exp(float64(v) - float64(top))
	}
	logTotal := float64(top) + math.Log(total)
	if c.weights == nil && c.smoothing == 0 {
		for j, v := range z {
			grad[j] = float32(math.Exp(float64(v) - logTotal))
		}
		grad[label]--
		return logTotal - float64(z[label])
	}
	var all float64 // Σⱼ wⱼ·qⱼ
	for j, v := range z {
		wq := c.share(j, label, len(z))
		all += wq
		loss += float64(wq * (logTotal - float64(v)))
	}
	for j, v := range z { // (Σₖ wₖ·qₖ)·pⱼ - wⱼ·qⱼ
		grad[j] = float32(float64(all*math.Exp(float64(v)-logTotal)) - c.share(j, label, len(z)))
	}
	return loss
}

// share returns wⱼ·qⱼ.
func (c *criterion) share(j, label, classes int) float64 {
	q := c.smoothing / float64(classes)
	if j == label {
		q += 1 - c.smoothing
	}
	if c.weights != nil {
		q *= c.weights[j]
	}
	return q
}

// backward returns the gradient of the last forward's part of the loss of a
// step with that total weight. The next forward overwrites it.
func (c *criterion) backward(total float64) blas32.General {
	scale := 1 / float32(total)
	if total == 0 { // no example counts
		scale = 0
	}
	for i := range c.grad.Data {
		c.grad.Data[i] *= scale
	}
	return c.grad
}
