package probe

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/optimize"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Linear is a linear probe: multinomial logistic regression on standardized features. G. Alain, Y.
// Bengio, "Understanding intermediate layers using linear classifier probes", 2016.
type Linear struct {
	// L2 are the candidate weights of the penalty L2/2·|W|² on the mean cross-entropy, each above
	// 0; nil means 1, 0.1, 0.01, 0.001 and 0.0001.
	L2 []float64

	// Iterations is the maximum of L-BFGS iterations per candidate; 0 means 200.
	Iterations int
}

// A Reading is the result of a linear probe.
type Reading struct {
	Scores train.Scores // on the validation set
	Chance float64      // accuracy of always predicting the most frequent training class
	L2     float64      // with the lowest validation loss
}

// Fit trains on one set and evaluates on the other, whose loss chooses the penalty. Both have a row
// of features per example, labels, and the same number of columns.
func (l Linear) Fit(training, validation train.Set) (Reading, error) {
	for _, s := range []train.Set{training, validation} {
		if err := check(s, true); err != nil {
			return Reading{}, err
		}
	}
	if training.X.Cols != validation.X.Cols {
		return Reading{}, fmt.Errorf("the sets have %d and %d columns, want the same", training.X.Cols, validation.X.Cols)
	}
	grid := l.L2
	if grid == nil {
		grid = []float64{1, 0.1, 0.01, 0.001, 0.0001}
	}
	for _, l2 := range grid {
		// Without a penalty separable classes have no finite solution.
		if !(l2 > 0) || math.IsInf(l2, 0) {
			return Reading{}, fmt.Errorf("L2 is %v, want finite numbers above 0", l2)
		}
	}
	if l.Iterations < 0 {
		return Reading{}, fmt.Errorf("Linear.Iterations is %d, want at least 1, or 0 for 200", l.Iterations)
	}
	iterations := l.Iterations
	if iterations == 0 {
		iterations = 200
	}
	// A class of one set only still needs an output.
	k := max(training.Classes(), validation.Classes(), 2)
	// Of the training set alone, so nothing leaks from the validation set.
	center, scale := moments(training)
	problem := &logistic{x: standardized(training, center, scale), labels: training.Labels, classes: k}
	judge := standardized(validation, center, scale)
	best := Reading{Scores: train.Scores{Loss: math.Inf(1)}}
	w := make([]float64, k*problem.x.Cols)
	grid = slices.Sorted(slices.Values(grid))
	slices.Reverse(grid) // each solution is the start of the next, less regularized one
	for _, l2 := range grid {
		problem.l2 = l2
		result, err := optimize.Minimize(optimize.Problem{Func: problem.loss, Grad: problem.gradient}, w,
			&optimize.Settings{GradientThreshold: 1e-6, MajorIterations: iterations}, &optimize.LBFGS{})
		if result == nil {
			return Reading{}, fmt.Errorf("L2 %v: %w", l2, err)
		} // a line search that finds nothing better also ends at the best point
		w = result.X
		s := train.Score(outputs(judge, w, k), validation)
		// By the loss, which tells more than a share of right answers.
		if s.Loss < best.Scores.Loss {
			best.Scores, best.L2 = s, l2
		}
	}
	best.Chance = chance(training.Labels, validation.Labels)
	return best, nil
}

// moments returns mean and standard deviation of each column; 1 for a constant column.
func moments(s train.Set) (mean, sd []float64) {
	n, d := s.X.Rows, s.X.Cols
	mean, sd = make([]float64, d), make([]float64, d)
	for i := range n {
		for j, v := range s.X.Data[i*d : (i+1)*d] {
			// Divided before the sum, which cannot overflow then.
			mean[j] += float64(v) / float64(n)
		}
	}
	for i := range n {
		for j, v := range s.X.Data[i*d : (i+1)*d] {
			e := float64(v) - mean[j]
			sd[j] += e * e / float64(n)
		}
	}
	for j, v := range sd {
		// Rounding leaves constant columns a tiny deviation.
		if sd[j] = math.Sqrt(v); sd[j] <= 1e-12*math.Abs(mean[j]) {
			sd[j] = 1
		}
	}
	return mean, sd
}

// standardized returns the features, n×(d+1): the last column is 1.
func standardized(s train.Set, center, scale []float64) blas64.General {
	n, d := s.X.Rows, s.X.Cols
	x := blas64.General{Rows: n, Cols: d + 1, Stride: d + 1, Data: make([]float64, n*(d+1))}
	for i := range n {
		row := x.Data[i*(d+1) : (i+1)*(d+1)]
		for j, v := range s.X.Data[i*d : (i+1)*d] {
			row[j] = (float64(v) - center[j]) / scale[j]
		}
		// The intercept is a weight like the others.
		row[d] = 1
	}
	return x
}

// outputs returns x·Wᵀ, n×k.
func outputs(x blas64.General, w []float64, k int) blas32.General {
	z := logits(x, w, k)
	y := blas32.General{Rows: z.Rows, Cols: k, Stride: k, Data: make([]float32, len(z.Data))}
	for i, v := range z.Data {
		y.Data[i] = float32(v)
	}
	return y
}

// logits returns x·Wᵀ in float64.
func logits(x blas64.General, w []float64, k int) blas64.General {
	z := blas64.General{Rows: x.Rows, Cols: k, Stride: k, Data: make([]float64, x.Rows*k)}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, x, blas64.General{Rows: k, Cols: x.Cols, Stride: x.Cols, Data: w}, 0, z)
	return z
}

// logistic is the loss of a multinomial logistic regression as a function of W, k×(d+1). The last
// column are the intercepts, which have no penalty.
type logistic struct {
	x       blas64.General // n×(d+1)
	labels  []int
	classes int
	l2      float64

	// the penalty is the last number of at
	at    []float64 // point of the last value and gradient
	value float64
	grad  []float64
}

// loss is the value at w.
func (p *logistic) loss(w []float64) float64 {
	p.compute(w)
	return p.value
}

// gradient sets grad to the gradient at w.
func (p *logistic) gradient(grad, w []float64) {
	p.compute(w)
	copy(grad, p.grad)
}

// compute does both at once. The optimizer asks for them one after the other at the same
// point.
func (p *logistic) compute(w []float64) {
	if p.at != nil && slices.Equal(p.at[:len(w)], w) && p.at[len(w)] == p.l2 {
		return
	}
	p.at = append(append(p.at[:0], w...), p.l2)
	z := logits(p.x, w, p.classes)
	n := float64(z.Rows)
	p.value = 0
	for i, label := range p.labels { // z becomes (softmax(z) - onehot)/n
		row := z.Data[i*z.Stride : (i+1)*z.Stride]
		// Subtracted, so exp cannot overflow.
		top := slices.Max(row)
		var total float64
		for _, v := range row {
			total += math.Exp(v - top)
		}
		logTotal := top + math.Log(total)
		p.value += (logTotal - row[label]) / n
		for j, v := range row {
			row[j] = math.Exp(v-logTotal) / n
		}
		row[label] -= 1 / n
	}
	if p.grad == nil {
		p.grad = make([]float64, len(w))
	}
	d := p.x.Cols
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, z, p.x, 0, blas64.General{Rows: p.classes, Cols: d, Stride: d, Data: p.grad})
	for i, v := range w {
		// Intercepts have no penalty: it would depend on where the features are centered.
		if i%d != d-1 {
			p.value += p.l2 / 2 * v * v
			p.grad[i] += p.l2 * v
		}
	}
}

// chance returns the share of the labels that equal the most frequent training label, the first if
// equal.
func chance(training, labels []int) float64 {
	count := make(map[int]int)
	for _, label := range training {
		count[label]++
	}
	top := training[0]
	// In order, so equal counts give the same answer each time.
	for _, label := range classes(training) {
		if count[label] > count[top] || count[label] == count[top] && label < top {
			top = label
		}
	}
	hits := 0
	for _, label := range labels {
		if label == top {
			hits++
		}
	}
	return float64(hits) / float64(len(labels))
}
