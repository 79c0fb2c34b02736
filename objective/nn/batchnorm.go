package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A BatchNorm layer shifts and scales each channel of images to mean 0 and
// variance 1 and then by a learned factor and offset: y = (x - mean)/√(var + ε)·γ + β.
// S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network
// Training by Reducing Internal Covariate Shift", 2015. A row is an image, or
// its channels alone.
//
// In training mean and variance are those of the batch, over all rows and
// pixels, so that what it computes for one example depends on the others: the
// one layer of which that is true. In evaluation they are running means over
// the batches trained on, parameters without a gradient. While one of those is
// frozen the layer works in training as in evaluation and changes neither.
type BatchNorm struct {
	Gamma *Param // c
	Beta  *Param // c
	Mean  *Param // c, running mean of the batches' means
	Var   *Param // c, running mean of the batches' variances, with n-1 in the denominator

	// Momentum is the share of the last batch in the running means, in (0, 1];
	// Epsilon is added to the variance. 0 means 0.1 and 1e-5.
	Momentum, Epsilon float64

	params     []*Param
	x          blas32.General // argument of the last Forward
	batch      bool           // whether it took the statistics of the batch
	mean, rstd []float32      // c, that it took: rstd is 1/√(var + ε)
	sums       []float64      // 2c, scratch
	y, dx      buffer
}

var _ Layer = (*BatchNorm)(nil)

// NewBatchNorm returns a layer for images with so many channels, with γ = 1,
// β = 0, running mean 0 and variance 1. Its parameters are name.weight,
// name.bias, name.running_mean and name.running_var.
func NewBatchNorm(name string, channels int) *BatchNorm {
	n := &BatchNorm{
		Gamma: newParam(name+".weight", false, channels),
		Beta:  newParam(name+".bias", false, channels),
		Mean:  newParam(name+".running_mean", false, channels),
		Var:   newParam(name+".running_var", false, channels),
		mean:  make([]float32, channels),
		rstd:  make([]float32, channels),
		sums:  make([]float64, 2*channels),
	}
	n.Mean.Grad, n.Var.Grad = nil, nil
	for i := range channels {
		n.Gamma.Value[i], n.Var.Value[i] = 1, 1
	}
	n.params = []*Param{n.Gamma, n.Beta, n.Mean, n.Var}
	return n
}

// Forward implements Layer. It draws nothing from rng. In training it changes
// the running means, unless they are frozen; a single number has no variance
// and leaves the second as it is.
func (n *BatchNorm) Forward(b Batch, rng *rand.Rand) Batch {
	n.x = b.X
	n.batch = rng != nil && !n.Mean.Frozen && !n.Var.Frozen
	epsilon := or(n.Epsilon, 1e-5)
	if n.batch {
		n.statistics(epsilon)
	} else {
		for c, v := range n.Var.Value {
			n.mean[c], n.rstd[c] = n.Mean.Value[c], float32(1/math.Sqrt(float64(v)+epsilon))
		}
	}
	y := n.y.matrix(b.X.Rows, b.X.Cols)
	channels := len(n.mean)
	for i := 0; i < len(y.Data); i += channels {
		to := y.Data[i:][:channels]
		for c, v := range b.X.Data[i:][:channels] {
			to[c] = float32(float32((v-n.mean[c])*n.rstd[c])*n.Gamma.Value[c]) + n.Beta.Value[c]
		}
	}
	b.X = y
	return b
}

// statistics sets mean and rstd to those of the batch and moves the running
// means.
func (n *BatchNorm) statistics(epsilon float64) {
	channels := len(n.mean)
	data := n.x.Data[:n.x.Rows*n.x.Cols]
	mean, squares := n.sums[:channels], n.sums[channels:]
	clear(n.sums)
	count := float64(len(data) / channels)
	for i := 0; i < len(data); i += channels {
		for c, v := range data[i:][:channels] {
			mean[c] += float64(v)
		}
	}
	for c := range mean {
		mean[c] /= count
	}
	for i := 0; i < len(data); i += channels {
		for c, v := range data[i:][:channels] {
			far := float64(v) - mean[c]
			squares[c] += float64(far * far)
		}
	}
	momentum := or(n.Momentum, 0.1)
	for c, m := range mean {
		n.mean[c], n.rstd[c] = float32(m), float32(1/math.Sqrt(squares[c]/count+epsilon))
		n.Mean.Value[c] += float32(momentum * (m - float64(n.Mean.Value[c])))
		if count > 1 {
			n.Var.Value[c] += float32(momentum * (squares[c]/(count-1) - float64(n.Var.Value[c])))
		}
	}
}

// Backward implements Layer.
func (n *BatchNorm) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	channels := len(n.mean)
	data := dy.Data[:dy.Rows*dy.Cols]
	if !n.Gamma.Frozen || !n.Beta.Frozen || wantDX && n.batch {
		n.gradients(data)
	}
	if !wantDX {
		return blas32.General{}
	}
	dx = n.dx.matrix(dy.Rows, dy.Cols)
	sum, along := n.sums[:channels], n.sums[channels:]
	count := float64(len(data) / channels)
	if !n.batch { // mean and variance do not depend on x
		clear(n.sums)
	}
	for i := 0; i < len(data); i += channels {
		x, to := n.x.Data[i:][:channels], dx.Data[i:][:channels]
		for c, g := range data[i:][:channels] { // dx = γ·rstd·(dy - mean(dy) - x̂·mean(dy·x̂))
			xhat := (x[c] - n.mean[c]) * n.rstd[c]
			to[c] = float32(n.Gamma.Value[c]*n.rstd[c]) * (g - float32(sum[c]/count) - float32(xhat*float32(along[c]/count)))
		}
	}
	return dx
}

// gradients sets sums to Σ dy and Σ dy·x̂ and adds them to the gradients of β
// and γ.
func (n *BatchNorm) gradients(dy []float32) {
	channels := len(n.mean)
	sum, along := n.sums[:channels], n.sums[channels:]
	clear(n.sums)
	for i := 0; i < len(dy); i += channels {
		x := n.x.Data[i:][:channels]
		for c, g := range dy[i:][:channels] {
			sum[c] += float64(g)
			along[c] += float64(float64(g) * float64((x[c]-n.mean[c])*n.rstd[c]))
		}
	}
	for c := range sum {
		if !n.Beta.Frozen {
			n.Beta.Grad[c] += float32(sum[c])
		}
		if !n.Gamma.Frozen {
			n.Gamma.Grad[c] += float32(along[c])
		}
	}
}

// Params implements Layer: γ, β, running mean, running variance.
func (n *BatchNorm) Params() []*Param { return n.params }
