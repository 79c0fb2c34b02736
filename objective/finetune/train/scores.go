package train

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/stat"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Scores describe a network's performance on a set. Fields of the other kind of task are 0. They
// can be written as JSON and compared with ==.
type Scores struct {
	Loss   float64 // mean cross-entropy in nats, or mean squared error
	LossSE float64 // its standard error: what other examples of the same kind would change

	Accuracy float64 // share of examples whose most probable class (the first, if equal) is right
	F1Macro  float64 // mean F1 of the classes that occur as a label or a prediction
	AUROC    float64 // area under the ROC curve, if HasAUROC
	HasAUROC bool    // two classes, with examples of both

	RMSE  float64 // root mean squared error
	R2    float64 // coefficient of determination, if HasR2
	HasR2 bool    // targets are not all equal
}

// A Metric is the score that compares epochs and trials.
type Metric string

// The metrics. Loss and RMSE are better if lower, the others if higher.
const (
	MetricLoss     Metric = "loss"
	MetricAccuracy Metric = "accuracy"
	MetricF1Macro  Metric = "f1_macro"
	MetricAUROC    Metric = "auroc"
	MetricRMSE     Metric = "rmse"
	MetricR2       Metric = "r2"
)

// MetricNames returns all metrics.
func MetricNames() []Metric {
	return []Metric{MetricLoss, MetricAccuracy, MetricF1Macro, MetricAUROC, MetricRMSE, MetricR2}
}

// Check returns an error if m is not one of the metrics.
func (m Metric) Check() error {
	if !slices.Contains(MetricNames(), m) {
		return fmt.Errorf("metric is %q, want one of %q", m, MetricNames())
	}
	return nil
}

// Higher reports whether higher values of m are better.
func (m Metric) Higher() bool { return m != MetricLoss && m != MetricRMSE }

// Of returns the value of m in s. ok is false if it is undefined: for the other kind of task, or
// too few classes.
func (m Metric) Of(s Scores) (value float64, ok bool) {
	switch m {
	case MetricAccuracy:
		return s.Accuracy, true
	case MetricF1Macro:
		return s.F1Macro, true
	case MetricAUROC:
		return s.AUROC, s.HasAUROC
	case MetricRMSE:
		return s.RMSE, true
	case MetricR2:
		return s.R2, s.HasR2
	}
	// "" means MetricLoss, as in Config.
	return s.Loss, true
}

// fits returns an error if epochs cannot be compared by m on s.
func (m Metric) fits(s Set, outputs int) error {
	// Checked before the first epoch: a metric that is undefined would only show after it.
	classification := m == MetricAccuracy || m == MetricF1Macro || m == MetricAUROC
	regression := m == MetricRMSE || m == MetricR2
	switch {
	case classification && s.Labels == nil:
		return fmt.Errorf("Metric is %q, which a regression does not have", m)
	case regression && s.Targets == nil:
		return fmt.Errorf("Metric is %q, which a classification does not have", m)
	case m == MetricAUROC && outputs != 2:
		return fmt.Errorf("Metric is %q and there are %d classes, want 2", m, outputs)
	// The set never changes, so what is undefined once stays so.
	case m == MetricAUROC && !s.varied():
		return fmt.Errorf("Metric is %q and the validation set has examples of class %d only, want both", m, s.Labels[0])
	case m == MetricR2 && !s.varied():
		return fmt.Errorf("Metric is %q and the targets of the validation set are all %v, want two values", m, s.Targets[0])
	}
	return nil
}

// Score returns the scores of the outputs y, n×c, for the n examples of s, which must pass Check
// for c outputs.
func Score(y blas32.General, s Set) Scores {
	if s.Targets != nil {
		return regressionScores(y, s.Targets)
	}
	// Without smoothing and weights, so scores of all trials mean the same.
	var loss nn.SoftmaxCrossEntropy
	sum, correct := loss.Forward(y, s.Labels)
	n := float64(y.Rows)
	losses := make([]float64, y.Rows)
	for i := range losses {
		losses[i] = crossEntropy(y.Data[i*y.Stride:i*y.Stride+y.Cols], s.Labels[i])
	}
	r := Scores{Loss: sum / n, LossSE: stat.StdErr(stat.StdDev(losses, nil), n), Accuracy: float64(correct) / n, F1Macro: f1Macro(predictions(y), s.Labels, y.Cols)}
	if y.Cols == 2 {
		// Any increasing function of the probability gives the same area; the margin does not
		// saturate.
		margin := make([]float64, y.Rows) // log-odds of class 1
		for i := range margin {
			margin[i] = float64(y.Data[i*y.Stride+1]) - float64(y.Data[i*y.Stride])
		}
		r.AUROC, r.HasAUROC = auroc(margin, s.Labels)
	}
	return r
}

// crossEntropy returns the loss of one example in nats, given its outputs and its class.
func crossEntropy(row []float32, label int) float64 {
	top := slices.Max(row)
	sum := 0.0
	for _, z := range row {
		sum += math.Exp(float64(z) - float64(top))
	}
	return math.Log(sum) + float64(top) - float64(row[label])
}

// regressionScores sums in float64, in two passes: the mean first, so that large targets
// cancel nothing.
func regressionScores(y blas32.General, targets []float32) Scores {
	var mean, residual, total float64
	n := float64(len(targets))
	for _, t := range targets {
		mean += float64(t)
	}
	mean /= n
	squares := make([]float64, len(targets))
	for i, t := range targets {
		e := float64(y.Data[i*y.Stride]) - float64(t)
		squares[i] = e * e
		residual += float64(e * e)
		d := float64(t) - mean
		total += float64(d * d)
	}
	r := Scores{Loss: residual / n, LossSE: stat.StdErr(stat.StdDev(squares, nil), n), RMSE: math.Sqrt(residual / n)}
	// Equal targets leave R² undefined.
	if total > 0 {
		r.R2, r.HasR2 = 1-residual/total, true
	}
	return r
}

// predictions returns the column of the largest output of each row, the first if equal.
func predictions(y blas32.General) []int {
	p := make([]int, y.Rows)
	for i := range p {
		row := y.Data[i*y.Stride : i*y.Stride+y.Cols]
		for j, z := range row {
			if z > row[p[i]] {
				p[i] = j
			}
		}
	}
	return p
}

// f1Macro averages over the classes that occur; a class that neither occurs nor is
// predicted has no F1.
func f1Macro(predicted, labels []int, classes int) float64 {
	right, count := make([]float64, classes), make([]float64, classes) // count: as label and as prediction
	for i, label := range labels {
		count[label]++
		count[predicted[i]]++
		if predicted[i] == label {
			right[label]++
		}
	}
	var sum, n float64
	for k, c := range count {
		if c > 0 {
			sum += 2 * right[k] / c // F1 = 2·TP / (2·TP + FP + FN)
			n++
		}
	}
	return sum / n
}

// auroc returns the exact area under the ROC curve: the probability that a random example of class
// 1 has a higher score than one of class 0, with ties counting one half. Labels are 0 or 1. ok is
// false if a class has no example or a score is NaN.
func auroc(scores []float64, labels []int) (area float64, ok bool) {
	order := make([]int, len(scores))
	for i, s := range scores {
		// NaN has no place in an order.
		if math.IsNaN(s) {
			return 0, false
		}
		order[i] = i
	}
	// The order of ties does not matter: they are counted together.
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case scores[i] < scores[j]:
			return -1
		case scores[i] > scores[j]:
			return 1
		}
		return 0
	})
	var below, positives, wins float64 // below: examples of class 0 with a lower score
	for i := 0; i < len(order); {
		var tied [2]float64
		for s := scores[order[i]]; i < len(order) && scores[order[i]] == s; i++ {
			tied[labels[order[i]]]++
		}
		wins += tied[1] * (below + tied[0]/2)
		below += tied[0]
		positives += tied[1]
	}
	if below == 0 || positives == 0 {
		return 0, false
	}
	return wins / (below * positives), true
}
