package finetune

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A Scale is what the targets of a regression are measured in: a network learns
// numbers around 0 of size 1 best.
type Scale struct{ Mean, Deviation float64 }

// Standardize returns the mean and the standard deviation of the targets of the
// training part, and changes those of all parts to (target - Mean)/Deviation,
// in new memory. A loss of 1 is then that of always saying the mean. Parts of a
// classification stay, and the scale is {0, 1}.
func Standardize(training *train.Set, others ...*train.Set) Scale {
	s := Scale{0, 1}
	if len(training.Targets) == 0 {
		return s
	}
	var sum, squares float64
	n := float64(len(training.Targets))
	for _, y := range training.Targets {
		sum += float64(y)
	}
	s.Mean = sum / n
	for _, y := range training.Targets {
		squares += (float64(y) - s.Mean) * (float64(y) - s.Mean)
	}
	if squares > 0 {
		s.Deviation = math.Sqrt(squares / n)
	}
	for _, set := range append(others, training) {
		scaled := make([]float32, len(set.Targets))
		for i, y := range set.Targets {
			scaled[i] = float32((float64(y) - s.Mean) / s.Deviation)
		}
		if set.Targets != nil {
			set.Targets = scaled
		}
	}
	return s
}

// scaled reports whether s changes anything.
func (s Scale) scaled() bool { return s != Scale{} && s != Scale{0, 1} }

// rmse returns an RMSE of standardized targets in the units before.
func (s Scale) rmse(x float64) float64 {
	if !s.scaled() {
		return x
	}
	return x * s.Deviation
}

// Rescale changes the last dense layer of the head, so that the network gives
// targets as they were before Standardize, as it should where it is saved. Undo
// gives the layer its weights back.
func (s Scale) Rescale(net *nn.Network) (undo func()) {
	if !s.scaled() {
		return func() {}
	}
	all := denses(net.Head)
	last := all[len(all)-1]
	weights, biases := slices.Clone(last.W.Value), slices.Clone(last.B.Value)
	for i, w := range weights {
		last.W.Value[i] = float32(float64(w) * s.Deviation)
	}
	for i, b := range biases {
		last.B.Value[i] = float32(float64(b)*s.Deviation + s.Mean)
	}
	return func() {
		copy(last.W.Value, weights)
		copy(last.B.Value, biases)
	}
}
