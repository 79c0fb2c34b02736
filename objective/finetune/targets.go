package finetune

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A scale is the unit of a regression's targets: networks learn numbers around 0
// of size 1 best. The zero value is the identity.
type scale struct{ mean, deviation float64 }

// Standardize changes the targets of a regression, in new memory, to
// (target - mean)/deviation with the mean and standard deviation of the training
// set. A loss of 1 is then that of always predicting the mean. Objective reports
// an RMSE in the original unit. Call it once, before the first training; a
// classification stays as it is.
func (t *Task) Standardize() {
	targets := t.Training.Targets
	if len(targets) == 0 {
		return
	}
	s := scale{0, 1}
	var sum, squares float64
	n := float64(len(targets))
	for _, y := range targets {
		sum += float64(y)
	}
	s.mean = sum / n
	for _, y := range targets {
		squares += (float64(y) - s.mean) * (float64(y) - s.mean)
	}
	if squares > 0 {
		s.deviation = math.Sqrt(squares / n)
	}
	for _, set := range []*train.Set{&t.Training, &t.Validation, &t.Test} {
		scaled := make([]float32, len(set.Targets))
		for i, y := range set.Targets {
			scaled[i] = float32((float64(y) - s.mean) / s.deviation)
		}
		if set.Targets != nil {
			set.Targets = scaled
		}
	}
	t.scale = s
}

// scaled reports whether s changes anything.
func (s scale) scaled() bool { return s != scale{} && s != scale{0, 1} }

// rmse returns an RMSE of standardized targets in the units before.
func (s scale) rmse(x float64) float64 {
	if !s.scaled() {
		return x
	}
	return x * s.deviation
}

// Rescale changes the last dense layer of the head so that the network predicts
// in the original unit of the targets, as it should where it is saved. undo
// restores the layer.
func (t *Task) Rescale(net *nn.Network) (undo func()) {
	s := t.scale
	if !s.scaled() {
		return func() {}
	}
	all := denses(net.Head)
	last := all[len(all)-1]
	weights, biases := slices.Clone(last.W.Value), slices.Clone(last.B.Value)
	for i, w := range weights {
		last.W.Value[i] = float32(float64(w) * s.deviation)
	}
	for i, b := range biases {
		last.B.Value[i] = float32(float64(b)*s.deviation + s.mean)
	}
	return func() {
		copy(last.W.Value, weights)
		copy(last.B.Value, biases)
	}
}
