package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// The errors of the contract. Implementations wrap them; test with errors.Is.
var (
	ErrExist    = errors.New("already exists")
	ErrNotExist = errors.New("does not exist")
	ErrFinished = errors.New("the trial has finished and cannot change any more")
	ErrLost     = errors.New("the trial does not belong to this worker")
	ErrBudget   = errors.New("the study has all the trials of its budget")
	ErrInvalid  = errors.New("invalid")
	ErrChanged  = errors.New("was changed by another program")
	ErrReadOnly = errors.New("the storage is read-only")
)

// A BudgetError is returned by Begin when the budget is used up. It matches
// ErrBudget.
type BudgetError struct {
	Study  string
	Budget int
	Leased int // how many trials are running under a lease; any of them may still become an orphan
}

// Error implements error.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("study %q: %v: %d", e.Study, ErrBudget, e.Budget)
}

// Unwrap returns ErrBudget.
func (e *BudgetError) Unwrap() error { return ErrBudget }

// A Study is the record of a study without its trials.
type Study struct {
	ID          int64 // never reused, not even after the study is deleted
	Name        string
	Directions  []trial.Direction // one for each objective, at least one
	UserAttrs   map[string]json.RawMessage
	SystemAttrs map[string]json.RawMessage
}

// A Storage keeps studies and their trials.
//
// Methods are safe for concurrent use. A method that returns nil has made its
// change durable and visible to every later call; one that returns an error has
// changed nothing. Waiting calls return when ctx ends. A storage shares no
// memory that either side may change: it copies what it is given, and callers
// must not modify the trials it returns. It stores -0 as 0, because SQLite has
// no -0 and a trial must not depend on where it is kept.
//
// Export and Import belong to the contract, although only copying studies needs
// them, so that a decorator that embeds a Storage cannot lose them.
type Storage interface {
	// Create adds a study. It fails with ErrExist if the name is taken and
	// with ErrInvalid if Study.Check does.
	Create(ctx context.Context, name string, directions []trial.Direction) (Study, error)

	// Load returns the study called name, or fails with ErrNotExist.
	Load(ctx context.Context, name string) (Study, error)

	// Studies returns all studies sorted by ID.
	Studies(ctx context.Context) ([]Study, error)

	// Delete removes a study and everything that belongs to it.
	Delete(ctx context.Context, study int64) error

	// WriteStudy changes the attributes of a study in one atomic step. It fails
	// with ErrChanged if u.If does not hold, and with ErrInvalid if u.Check
	// does.
	WriteStudy(ctx context.Context, study int64, u StudyUpdate) error

	// Add adds a trial and returns its number. If t.Number is negative that is
	// the next free one; otherwise t.Number must be the next free one, or Add
	// fails with ErrExist. A Running trial has no lease, as one that Optuna
	// runs. Add ignores t.Seen. It keeps t.Start, and t.End of a finished trial;
	// if they are zero, a trial that is not Waiting starts now, or when it ends,
	// and a finished one ends now. It fails with ErrInvalid if Study.CheckAdd
	// does.
	Add(ctx context.Context, study int64, t *trial.Trial) (number int, err error)

	// Begin gives the caller a trial to run, in one atomic step: an orphan (a
	// Running trial whose lease is over, see Orphans), else a queued trial (one
	// that is Waiting and not paused), else a new one; the lowest number first.
	// Queued and new trials count against c.Budget: once that many have begun,
	// paused ones included, none of them begins, and Begin fails with a
	// *BudgetError. Orphans that must not be restarted fail in any case.
	//
	// A caller with c.Slice gets the paused trial that it names instead of a new
	// one. Begin fails with ErrChanged if that trial is not paused any more, or if
	// a queued one can begin. A caller without gets paused
	// trials only when the budget lets no other begin, the lowest number first. A
	// paused trial keeps its own number of seen trials.
	//
	// A restarted trial returns to its checkpoint: reports of later steps are
	// deleted, and system attributes that follow from reports (those named
	// completed_rung_… and bluefin:verdict) get the values they had then. Without a checkpoint it
	// loses all of these and its constraints. Parameters and other attributes
	// stay.
	Begin(ctx context.Context, study int64, c Claim) (*trial.Trial, error)

	// Write changes a trial in one atomic step. It fails as Update.Allows does:
	// with ErrFinished if the trial has finished, with ErrLost if it is Waiting
	// (unless u.Replace or u.Start is set) or if u.Owner is set and does not hold
	// the lease. It fails with ErrInvalid if Update.Check does.
	Write(ctx context.Context, study int64, number int, u Update) error

	// Checkpoint returns the last checkpoint of a trial, or fails with
	// ErrNotExist. The checkpoint is deleted when the trial finishes, unless it
	// has Keep set.
	Checkpoint(ctx context.Context, study int64, number int) (Checkpoint, error)

	// Since returns the trials that changed after the given revision of the
	// study, and perhaps some that did not; revision 0 returns all. Trials
	// leased by one of the given owners are left out: the caller runs
	// them and knows them already. The cost must depend on what changed, not on how long
	// the study is, because the engine calls Since before each draw.
	Since(ctx context.Context, study, revision int64, except ...string) (Changes, error)

	// Trial returns one trial, or fails with ErrNotExist. The cost must not
	// depend on how many others there are.
	Trial(ctx context.Context, study int64, number int) (*trial.Trial, error)

	// Extent returns how many trials a study has and when the first one
	// started, or the zero time if none did. It need not read whole trials.
	Extent(ctx context.Context, study int64) (trials int, start time.Time, err error)

	// Best returns the trial that trial.History.Best would: the best Complete
	// and feasible one by the first objective. It fails with ErrNotExist if
	// there is none.
	Best(ctx context.Context, study int64) (*trial.Trial, error)

	// Export returns the study called name with all its trials at one moment,
	// or fails with ErrNotExist. Besides Constraints, SystemAttrs have the
	// attributes in which the storage keeps constraints, if it does so.
	Export(ctx context.Context, name string) (Snapshot, error)

	// Import creates a study from a snapshot in one atomic step and returns it
	// with its new ID. What it stores is s.Normalized, so the histories of both
	// studies are equal at every point, but a Running trial becomes Waiting
	// and checkpoints are not copied. A constraint that SystemAttrs have too is
	// stored in that form. Import fails with ErrExist if the name is taken and
	// with ErrInvalid if s.Check does.
	Import(ctx context.Context, s Snapshot) (Study, error)

	// Close releases the storage.
	Close() error
}

// Changes is the answer of Since.
type Changes struct {
	Revision int64          // for the next call
	Trials   []*trial.Trial // the finished ones in finishing order, then the others by number
}
