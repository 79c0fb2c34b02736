package plot

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A TrainingPlot shows the training and the validation loss of each trial over its epochs.
type TrainingPlot struct {
	Curves []TrainingCurve `json:"curves"` // by number
}

// A TrainingCurve is the losses of a trial.
type TrainingCurve struct {
	Trial      int     `json:"trial"`
	State      string  `json:"state"`
	Train      []Float `json:"train"`      // by epoch, from 1
	Validation []Float `json:"validation"` // as many
	Overfitted bool    `json:"overfitted"` // see Overfitted
}

// Training returns the losses of the trials with the user attribute loss_by_epoch: a list of
// [training, validation] losses, one pair per epoch. bluefin finetune sets it, and any other program
// can. Trials without it, or with something else by that name, have no curve. Either loss may be
// null or NaN where it is unknown.
func Training(h trial.History) TrainingPlot {
	p := TrainingPlot{[]TrainingCurve{}}
	for _, t := range everything(h) {
		c := TrainingCurve{Trial: t.Number, State: t.State.String()}
		for _, pair := range lossByEpoch(t) {
			c.Train, c.Validation = append(c.Train, pair[0]), append(c.Validation, pair[1])
		}
		if len(c.Train) > 0 {
			c.Overfitted = Overfitted(c.Train, c.Validation)
			p.Curves = append(p.Curves, c)
		}
	}
	return p
}

// lossByEpoch returns the [training, validation] losses that a trial keeps, nil if it has none.
func lossByEpoch(t *trial.Trial) [][]Float {
	text := t.UserAttrs["loss_by_epoch"]
	if bytes.Contains(text, []byte("N")) || bytes.Contains(text, []byte("I")) {
		// Python's JSON writes what is no number by name.
		text = []byte(strings.NewReplacer("-Infinity", "null", "Infinity", "null", "NaN", "null").Replace(string(text)))
	}
	var pairs [][]Float
	if json.Unmarshal(text, &pairs) != nil ||
		slices.ContainsFunc(pairs, func(pair []Float) bool { return len(pair) != 2 }) {
		return nil
	}
	return pairs
}

// Overfitted reports whether a training over-fitted: its validation loss ended more than 10 % above
// the lowest one, while the training loss was lower in the end than at that epoch. The lists hold
// the losses by epoch and are equally long.
func Overfitted(train, validation []Float) bool {
	best := -1
	for i, v := range validation {
		if finite(float64(v)) && (best < 0 || v < validation[best]) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	last := len(validation) - 1
	return validation[best] > 0 && train[last] < train[best] && validation[last]/validation[best]-1 > 0.1
}
