// Package schedule decides which training a free worker continues. A search with a Scheduler runs
// its trials in slices: a trial trains for some steps, pauses with a checkpoint, and may be resumed
// later, by any worker, as if it had never stopped.
//
// A sampler decides what to try, a pruner what to give up, and a scheduler what to run next. It
// lives below package study, which calls it, because pausing is a matter of the engine: samplers
// and pruners do not know that it exists.
package schedule

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A Scheduler chooses the next slice of a free worker. Its answer is a function of the view: what it
// needs to know about the past is in the records of the trials, so a resumed study or another worker
// continues in the same way. Next is safe for concurrent use. An error ends the search.
type Scheduler interface {
	Next(v View) (Slice, error)
}

// A View is what a scheduler sees. It must not modify anything in it.
type View struct {
	// History holds the finished and the running trials. The reports of a running trial of another
	// process are as of its last change that this one has read.
	History trial.History

	// Paused are the trials that may be resumed, by number. Each has its parameters and its reports
	// up to its checkpoint; the last report is where it would resume. Queued trials are not among
	// them: they start before anything else.
	Paused []*trial.Trial

	// Most is the last step of a full training: that of the first trial to finish as Complete with
	// reports. 0: none has.
	Most int

	// New reports whether the budget allows another trial to start. If not, only Paused trials can
	// run.
	New bool

	// Rand is the only source of randomness. It is a function of the study's seed, of how many
	// trials there are, and of their steps so far.
	Rand *rand.Rand
}

// A Slice is a part of a training.
type Slice struct {
	// Number is that of the paused trial to resume, Start or Wait.
	Number int

	// Until is the step at which the trial pauses: at its first checkpoint of that step or a later
	// one. 0 lets it run to its end, and so does a step that the training does not reach.
	Until int

	// Params are the parameters of a trial that starts, by name, in internal form. Config.Sampler
	// draws those that are missing or out of range, and all of them if it is nil.
	Params map[string]float64
}

// The numbers of a Slice that does not resume a trial.
const (
	Start = -1 // start a new trial; only if View.New is true
	Wait  = -2 // do nothing before a running trial has changed; if none runs, the search ends
)
