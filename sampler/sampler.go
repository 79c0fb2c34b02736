package sampler

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Sampler draws the value of one parameter, in internal form. Its answer is a
// function of its arguments: what it keeps between calls is a cache. Sample is
// safe for concurrent use. Package samplertest has the suite that every sampler
// passes.
//
// An error ends the study's search, so it is for wrong settings only. The engine
// refuses a value that d does not contain; d.Value returns one that it does,
// whatever its argument.
type Sampler interface {
	Sample(r Request, name string, d space.Dist) (float64, error)
}

// A JointSampler draws all parameters it knows at once, in internal form, before
// the objective asks for the first one. Sample draws whatever SampleJoint omits or
// returns out of range.
type JointSampler interface {
	Sampler
	SampleJoint(r Request) (map[string]float64, error)
}

// A FiniteSampler tries each combination of a finite space once. The study ends
// when it has nothing left.
type FiniteSampler interface {
	Sampler

	// Left returns how many more trials will find a combination that no trial of
	// h has tried or is trying, as far as is known.
	Left(h trial.History) int
}

// A Request asks a sampler to draw for one trial. Nothing in it may be modified
// or kept for longer than the call, except for the history and its trials.
type Request struct {
	// History holds the finished trials and no running ones.
	History trial.History

	// Trial is the trial to draw for, with the parameters it has so far.
	Trial *trial.Trial

	// Rand is the only source of randomness. It is a function of the study's
	// seed, the trial's number and the name of the parameter, so that a draw
	// does not depend on what other workers do, and can be repeated.
	Rand *rand.Rand

	// Running returns the trials that are running, by number. Trial may be among
	// them. The engine records which ones a sampler was shown, so that the draw
	// can be repeated; samplers that need not know should not call it.
	Running func() []*trial.Trial
}

// NewRequest returns a request with the finished and the running trials of h,
// for testing a sampler without a study.
func NewRequest(h trial.History, t *trial.Trial, r *rand.Rand) Request {
	return Request{History: h.WithoutRunning(), Trial: t, Rand: r, Running: h.Running}
}
