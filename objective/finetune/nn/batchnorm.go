package nn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A BatchNorm layer normalizes each channel of images to mean 0 and variance 1, then applies a
// learned factor and offset: y = (x - mean)/√(var + ε)·γ + β. S. Ioffe, C. Szegedy, "Batch
// Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift", 2015. A
// row is an image, or only its channels.
//
// In training, mean and variance are taken over all rows and pixels of the batch, so this is the
// one layer whose output for an example depends on the others. In evaluation they are running means
// over the training batches: parameters without a gradient. If one of those is frozen, the layer
// works in training as in evaluation and changes neither.
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
	batch      bool           // whether it used the statistics of the batch
	mean, rstd []float32      // c, those it used: rstd is 1/√(var + ε)
	y, dx      buffer

	sum, along []float64 // c, scratch
	a, b, c    []float32 // c, scratch
}

var _ Layer = (*BatchNorm)(nil)

// NewBatchNorm returns a layer for images with the given number of channels, with γ = 1, β = 0,
// running mean 0 and running variance 1. The parameters are name.weight, name.bias,
// name.running_mean and name.running_var.
func NewBatchNorm(name string, channels int) *BatchNorm {
	n := &BatchNorm{
		Gamma: newParam(name+".weight", false, channels),
		Beta:  newParam(name+".bias", false, channels),
		Mean:  newParam(name+".running_mean", false, channels),
		Var:   newParam(name+".running_var", false, channels),
	}
	for _, v := range []*[]float32{&n.mean, &n.rstd, &n.a, &n.b, &n.c} {
		*v = make([]float32, channels)
	}
	n.sum, n.along = make([]float64, channels), make([]float64, channels)
	// Statistics follow the batches; the optimizer must leave them alone.
	n.Mean.Grad, n.Var.Grad = nil, nil
	for i := range channels {
		n.Gamma.Value[i], n.Var.Value[i] = 1, 1
	}
	n.params = []*Param{n.Gamma, n.Beta, n.Mean, n.Var}
	return n
}

// Forward implements Layer. In training it updates the running means, unless they are frozen. A
// batch of one number has no variance and leaves the running variance unchanged.
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
	// One factor per channel, so the loop over pixels is short.
	for c, gamma := range n.Gamma.Value {
		n.a[c] = gamma * n.rstd[c]
	}
	y := n.y.matrix(b.X.Rows, b.X.Cols)
	channels := len(n.mean)
	for i := 0; i < len(y.Data); i += channels { // y = (x - mean)·rstd·γ + β
		x, to := b.X.Data[i:][:channels], y.Data[i:][:channels]
		// Equal lengths let the compiler drop bounds checks.
		mean, scale, beta := n.mean[:len(x)], n.a[:len(x)], n.Beta.Value[:len(x)]
		for c := range x {
			to[c] = float32((x[c]-mean[c])*scale[c]) + beta[c]
		}
	}
	b.X = y
	return b
}

// statistics sets mean and rstd to those of the batch and updates the running means.
func (n *BatchNorm) statistics(epsilon float64) {
	channels := len(n.mean)
	data := n.x.Data[:n.x.Rows*n.x.Cols]
	clear(n.sum)
	clear(n.along)
	for i := 0; i < len(data); i += channels { // Σ x and Σ x²: float64 has enough digits
		x := data[i:][:channels]
		sum, squares := n.sum[:len(x)], n.along[:len(x)]
		for c, v := range x {
			w := float64(v)
			sum[c] += w
			squares[c] += w * w // exact: fused or not, the sum is the same
		}
	}
	count := float64(len(data) / channels)
	momentum := or(n.Momentum, 0.1)
	for c := range n.mean {
		mean := n.sum[c] / count
		// Rounding can make a tiny variance negative.
		variance := max(n.along[c]/count-float64(mean*mean), 0)
		n.mean[c], n.rstd[c] = float32(mean), float32(1/math.Sqrt(variance+epsilon))
		n.Mean.Value[c] += float32(momentum * (mean - float64(n.Mean.Value[c])))
		// The running variance divides by n-1, as in PyTorch.
		if count > 1 {
			n.Var.Value[c] += float32(momentum * (variance*count/(count-1) - float64(n.Var.Value[c])))
		}
	}
}

// Backward implements Layer.
func (n *BatchNorm) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	channels := len(n.mean)
	data := dy.Data[:dy.Rows*dy.Cols]
	// With fixed statistics dx needs no sums over the batch.
	if !n.Gamma.Frozen || !n.Beta.Frozen || wantDX && n.batch {
		n.gradients(data)
	}
	if !wantDX {
		return blas32.General{}
	}
	dx = n.dx.matrix(dy.Rows, dy.Cols)
	count := float64(len(data) / channels)
	for c, gamma := range n.Gamma.Value { // dx = γ·rstd·(dy - mean(dy) - x̂·mean(dy·x̂)) = a·dy - b·(x - mean) - c
		n.a[c], n.b[c], n.c[c] = gamma*n.rstd[c], 0, 0
		if n.batch { // otherwise mean and variance do not depend on x
			n.b[c] = n.a[c] * n.rstd[c] * float32(n.along[c]/count)
			n.c[c] = n.a[c] * float32(n.sum[c]/count)
		}
	}
	for i := 0; i < len(data); i += channels {
		x, g, to := n.x.Data[i:][:channels], data[i:][:channels], dx.Data[i:][:channels]
		mean, a, b, offset := n.mean[:len(x)], n.a[:len(x)], n.b[:len(x)], n.c[:len(x)]
		for c := range x {
			to[c] = float32(a[c]*g[c]) - float32(b[c]*(x[c]-mean[c])) - offset[c]
		}
	}
	return dx
}

// gradients sets sum to Σ dy and along to Σ dy·x̂ and adds them to the gradients
// of β and γ.
func (n *BatchNorm) gradients(dy []float32) {
	channels := len(n.mean)
	clear(n.sum)
	clear(n.along)
	for i := 0; i < len(dy); i += channels {
		x, g := n.x.Data[i:][:channels], dy[i:][:channels]
		mean, sum, along := n.mean[:len(x)], n.sum[:len(x)], n.along[:len(x)]
		for c := range x {
			w := float64(g[c])
			sum[c] += w
			along[c] += w * float64(x[c]-mean[c]) // exact: fused or not, the sum is the same
		}
	}
	for c := range n.along {
		n.along[c] *= float64(n.rstd[c])
		if !n.Beta.Frozen {
			n.Beta.Grad[c] += float32(n.sum[c])
		}
		if !n.Gamma.Frozen {
			n.Gamma.Grad[c] += float32(n.along[c])
		}
	}
}

// Params implements Layer: γ, β, running mean, running variance.
func (n *BatchNorm) Params() []*Param { return n.params }
