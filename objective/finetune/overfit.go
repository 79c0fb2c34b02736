package finetune

// An Overfit says how far a training came to know its examples by heart,
// instead of what they have in common.
type Overfit struct {
	Gap  float64 // validation loss minus training loss, at the epoch with the lowest validation loss
	Rise float64 // by what share of its lowest value the validation loss was higher at the end
}

// OverfitRise is the Rise from which on Over says yes.
const OverfitRise = 0.1

// Overfitting reads the losses of a trial, its attribute loss_by_epoch: those
// of training and validation, by epoch. ok is false if there are none.
func Overfitting(lossByEpoch [][2]float64) (o Overfit, ok bool) {
	if len(lossByEpoch) == 0 {
		return o, false
	}
	best := 0
	for i, l := range lossByEpoch {
		if l[1] < lossByEpoch[best][1] {
			best = i
		}
	}
	training, lowest := lossByEpoch[best][0], lossByEpoch[best][1]
	o.Gap = lowest - training
	last := lossByEpoch[len(lossByEpoch)-1]
	if lowest > 0 && last[0] < training {
		o.Rise = last[1]/lowest - 1
	}
	return o, true
}

// Over reports whether the training over-fitted: while the training loss still
// fell, the validation loss rose by more than OverfitRise from its lowest. (What
// is kept are the weights of before.)
func (o Overfit) Over() bool { return o.Rise > OverfitRise }
