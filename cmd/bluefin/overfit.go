package main

// overfitRise is by what share the validation loss must have risen.
const overfitRise = 0.1

// overfits reports whether a training over-fitted: the validation loss ended
// more than overfitRise above its lowest while the training loss still fell.
// Each epoch has its [training, validation] losses.
func overfits(lossByEpoch [][2]float64) bool {
	best := lossByEpoch[0]
	for _, l := range lossByEpoch {
		if l[1] < best[1] {
			best = l
		}
	}
	last := lossByEpoch[len(lossByEpoch)-1]
	return best[1] > 0 && last[0] < best[0] && last[1]/best[1]-1 > overfitRise
}
