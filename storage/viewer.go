package storage

import (
	"context"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A Viewer is a Storage for programs that show studies: it answers their
// questions without reading whole studies. The cost of a method depends on what
// it returns.
type Viewer interface {
	Storage

	// Tally counts the trials of a study.
	Tally(ctx context.Context, study int64) (Tally, error)

	// Some is Since for programs that read a long study a part at a time: it
	// returns at most so many trials, those that changed first, and the revision
	// from which the next call continues. It returns none when all have been
	// read. Each part is of its own moment, so a trial that changes meanwhile is
	// returned again. Without reports, which may be most of a study, the trials
	// have none.
	Some(ctx context.Context, study, revision int64, most int, reports bool) (Changes, error)

	// Range returns the trials from number first to before end, by number.
	Range(ctx context.Context, study int64, first, end int) ([]*trial.Trial, error)

	// Values returns the number and the first value of each Complete trial, by
	// number.
	Values(ctx context.Context, study int64) (numbers []int, values []float64, err error)

	// Reported tells whether any trial of a study has reported a value.
	Reported(ctx context.Context, study int64) (bool, error)

	// Workers returns who runs the trials that have a lease, by their numbers.
	Workers(ctx context.Context, study int64) (map[int]Worker, error)

	// CheckpointSize returns the step and the size in bytes of a trial's
	// checkpoint, and whether it has one. It does not read the data.
	CheckpointSize(ctx context.Context, study int64, number int) (step int, size int64, ok bool, err error)

	// TrialID returns the ID that Optuna's tables and attributes have for a
	// trial, or fails with ErrNotExist.
	TrialID(ctx context.Context, study int64, number int) (int64, error)

	// TrialByID is the inverse of TrialID.
	TrialByID(ctx context.Context, id int64) (study int64, number int, err error)

	// Await returns nil when a study may have changed since it had the revision,
	// and after a second in any case: its attributes have no revision.
	Await(ctx context.Context, study, revision int64) error
}

// A Tally is what can be said about a study without reading its trials.
type Tally struct {
	Revision int64 // of the study
	States   map[trial.State]int
	Changed  time.Time // when a trial last started or ended; zero if none did
}

// A Worker runs a trial under a lease.
type Worker struct {
	Host string // "" if no process is known, as of a trial from AskDetached
	PID  int    // of the process on that host
	Gone bool   // the process is known to have ended

	// Left is how long the lease lasts unless it is renewed; it is negative if the lease is over.
	Left time.Duration
}
