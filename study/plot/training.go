package plot

import (
	"bytes"
	"math"
	"strconv"

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
		if c.Train, c.Validation = lossByEpoch(t.UserAttrs["loss_by_epoch"]); len(c.Train) > 0 {
			c.Overfitted = Overfitted(c.Train, c.Validation)
			p.Curves = append(p.Curves, c)
		}
	}
	return p
}

// lossByEpoch reads a JSON list of pairs of numbers, and nothing if it is anything else. Package json
// would need half a second for 5,000 trials of 100 epochs, and does not know Python's NaN.
func lossByEpoch(text []byte) (train, validation []Float) {
	ok := true
	skip := func() {
		for len(text) > 0 && text[0] <= ' ' {
			text = text[1:]
		}
	}
	eat := func(c byte) bool {
		skip()
		if len(text) == 0 || text[0] != c {
			return false
		}
		text = text[1:]
		return true
	}
	loss := func() Float {
		skip()
		n := 0
		for n < len(text) && text[n] > ' ' && text[n] != ',' && text[n] != ']' {
			n++
		}
		token := string(text[:n])
		text = text[n:]
		switch token {
		case "null", "NaN", "Infinity", "-Infinity":
			return Float(math.NaN())
		}
		x, err := strconv.ParseFloat(token, 64)
		ok = ok && err == nil
		return Float(x)
	}
	if !eat('[') || eat(']') {
		return nil, nil
	}
	n := bytes.Count(text, []byte("["))
	train, validation = make([]Float, 0, n), make([]Float, 0, n)
	for more := true; more && ok; more = eat(',') {
		ok = ok && eat('[')
		train = append(train, loss())
		ok = ok && eat(',')
		validation = append(validation, loss())
		ok = ok && eat(']')
	}
	if ok = ok && eat(']'); !ok || len(bytes.TrimSpace(text)) > 0 {
		return nil, nil
	}
	return train, validation
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
