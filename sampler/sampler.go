package sampler

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Sampler draws the value of one parameter, in internal form. Its answer is a function of its
// arguments, and d must contain it; d.Value returns a contained value for any number. An error ends
// the search. Sample must be safe for concurrent use.
type Sampler interface {
	Sample(r Request, name string, d space.Dist) (float64, error)
}

// A JointSampler draws all parameters it knows at once, in internal form, before the objective asks
// for the first one. Sample draws whatever SampleJoint omits or returns out of range.
//
// A request has no search space: a joint sampler learns names and distributions from the history
// (History.Space, History.RankedSpace, the parameters of a trial). It draws in an order of its own,
// never while ranging over a map, because all draws share Request.Rand. Values that the queue has
// fixed take precedence over what it draws.
type JointSampler interface {
	Sampler
	SampleJoint(r Request) (map[string]float64, error)
}

// A FiniteSampler tries each combination of a finite space once. The search ends when it has
// nothing left.
type FiniteSampler interface {
	Sampler

	// Left returns how many more trials will find a combination that, as far as is known, no trial
	// of h has tried or is trying.
	Left(h trial.History) int
}

// A Request asks a sampler to draw for one trial. A sampler must not modify anything in it, and may
// keep only the history and its trials after the call.
type Request struct {
	// History holds the finished trials and no running ones.
	History trial.History

	// Trial is the trial to draw for, with the parameters it has so far.
	Trial *trial.Trial

	// Rand is the only source of randomness. It is a function of the study's seed, the trial's
	// number and the name of the parameter ("" for SampleJoint), so a draw does not depend on other
	// workers and can be repeated.
	Rand *rand.Rand

	// Running returns the running trials, by number. Trial may be among them. The engine records
	// which ones a sampler was shown, so that the draw can be repeated; a sampler that does not
	// need them should not call it.
	Running func() []*trial.Trial

	// Beliefs are the parameters of which the study knows where good values probably are, with
	// these beliefs; nil: none. A sampler without any draws as if the field did not exist.
	Beliefs space.Space
}

// NewRequest returns a request with the finished and the running trials of h, for testing a sampler
// without a study.
func NewRequest(h trial.History, t *trial.Trial, r *rand.Rand) Request {
	return Request{History: h.WithoutRunning(), Trial: t, Rand: r, Running: h.Running}
}
