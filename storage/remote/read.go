package remote

import (
	"context"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/lines"
	"github.com/bluefin-hpo/bluefin/trial"
)

// ask calls a method whose answer is one line.
func (db *DB) ask(ctx context.Context, method string, q question) (answer, error) {
	return db.send(ctx, &request{method: method, question: q}, nil)
}

// list calls a method whose answer has trials.
func (db *DB) list(ctx context.Context, method string, q question) (a answer, trials []*trial.Trial, err error) {
	a, err = db.send(ctx, &request{method: method, question: q}, func(a answer, in *reader) (err error) {
		trials, err = in.trials(a.Trials)
		return err
	})
	return a, trials, err
}

// one calls a method whose answer is a trial.
func (db *DB) one(ctx context.Context, method string, q question) (*trial.Trial, error) {
	a, err := db.ask(ctx, method, q)
	if err != nil {
		return nil, err
	}
	return a.trial()
}

func (a answer) trial() (*trial.Trial, error) {
	if a.Trial == nil {
		return nil, missing("trial")
	}
	return a.Trial.Decode(map[string]space.Dist{})
}

// Load implements storage.Storage.
func (db *DB) Load(ctx context.Context, name string) (storage.Study, error) {
	a, err := db.ask(ctx, "read/Load", question{Name: name})
	if err != nil {
		return storage.Study{}, err
	}
	return a.Record.study()
}

// Studies implements storage.Storage.
func (db *DB) Studies(ctx context.Context) (all []storage.Study, err error) {
	a, err := db.ask(ctx, "read/Studies", question{})
	if err != nil {
		return nil, err
	}
	for _, r := range a.Records {
		s, err := r.study()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Checkpoint implements storage.Storage.
func (db *DB) Checkpoint(ctx context.Context, study int64, number int) (c storage.Checkpoint, err error) {
	q := question{Study: study, Number: number}
	_, err = db.send(ctx, &request{method: "read/Checkpoint", question: q}, func(a answer, in *reader) (err error) {
		if a.Checkpoint == nil {
			return missing("checkpoint")
		}
		c = storage.Checkpoint{Step: a.Checkpoint.Step, Keep: a.Checkpoint.Keep}
		c.Data, err = in.data(a.Checkpoint.Size)
		return err
	})
	if err != nil {
		c = storage.Checkpoint{}
	}
	return c, err
}

// Since implements storage.Storage.
func (db *DB) Since(ctx context.Context, study, revision int64, except ...string) (storage.Changes, error) {
	a, trials, err := db.list(ctx, "read/Since", question{Study: study, Revision: revision, Except: except})
	return storage.Changes{Revision: a.Revision, Trials: trials}, err
}

// Some implements storage.Viewer.
func (db *DB) Some(ctx context.Context, study, revision int64, most int, reports bool) (storage.Changes, error) {
	a, trials, err := db.list(ctx, "read/Some", question{Study: study, Revision: revision, Most: most, Reports: reports})
	return storage.Changes{Revision: a.Revision, Trials: trials}, err
}

// Range implements storage.Viewer.
func (db *DB) Range(ctx context.Context, study int64, first, end int) ([]*trial.Trial, error) {
	_, trials, err := db.list(ctx, "read/Range", question{Study: study, First: first, End: end})
	return trials, err
}

// Trial implements storage.Storage.
func (db *DB) Trial(ctx context.Context, study int64, number int) (*trial.Trial, error) {
	return db.one(ctx, "read/Trial", question{Study: study, Number: number})
}

// Best implements storage.Storage.
func (db *DB) Best(ctx context.Context, study int64) (*trial.Trial, error) {
	return db.one(ctx, "read/Best", question{Study: study})
}

// Extent implements storage.Storage.
func (db *DB) Extent(ctx context.Context, study int64) (trials int, start time.Time, err error) {
	a, err := db.ask(ctx, "read/Extent", question{Study: study})
	if err == nil {
		start, err = lines.DecodeTime(a.Start)
	}
	return a.Number, start, err
}

// Export implements storage.Storage.
func (db *DB) Export(ctx context.Context, name string) (s storage.Snapshot, err error) {
	a, trials, err := db.list(ctx, "read/Export", question{Name: name})
	if err != nil {
		return s, err
	}
	s.Trials = trials
	s.Study, err = a.Record.study()
	return s, err
}

// Tally implements storage.Viewer.
func (db *DB) Tally(ctx context.Context, study int64) (t storage.Tally, err error) {
	a, err := db.ask(ctx, "read/Tally", question{Study: study})
	if err != nil {
		return t, err
	}
	t = storage.Tally{Revision: a.Revision, States: map[trial.State]int{}}
	for name, n := range a.States {
		state, err := trial.ParseState(name)
		if err != nil {
			return t, err
		}
		t.States[state] = n
	}
	t.Changed, err = lines.DecodeTime(a.Changed)
	return t, err
}

// Values implements storage.Viewer.
func (db *DB) Values(ctx context.Context, study int64) (numbers []int, values []float64, err error) {
	a, err := db.ask(ctx, "read/Values", question{Study: study})
	for _, v := range a.Values {
		values = append(values, float64(v))
	}
	return a.Numbers, values, err
}

// Reported implements storage.Viewer.
func (db *DB) Reported(ctx context.Context, study int64) (bool, error) {
	a, err := db.ask(ctx, "read/Reported", question{Study: study})
	return a.Yes, err
}

// Workers implements storage.Viewer.
func (db *DB) Workers(ctx context.Context, study int64) (map[int]storage.Worker, error) {
	a, err := db.ask(ctx, "read/Workers", question{Study: study})
	if err != nil {
		return nil, err
	}
	all := map[int]storage.Worker{}
	for number, w := range a.Workers {
		all[number] = storage.Worker(w)
	}
	return all, nil
}

// CheckpointSize implements storage.Viewer.
func (db *DB) CheckpointSize(ctx context.Context, study int64, number int) (step int, size int64, ok bool, err error) {
	a, err := db.ask(ctx, "read/CheckpointSize", question{Study: study, Number: number})
	if c := a.Checkpoint; err == nil && c != nil {
		step, size = c.Step, c.Size
	}
	return step, size, a.Yes, err
}

// TrialID implements storage.Viewer.
func (db *DB) TrialID(ctx context.Context, study int64, number int) (int64, error) {
	a, err := db.ask(ctx, "read/TrialID", question{Study: study, Number: number})
	return a.ID, err
}

// TrialByID implements storage.Viewer.
func (db *DB) TrialByID(ctx context.Context, id int64) (study int64, number int, err error) {
	a, err := db.ask(ctx, "read/TrialByID", question{ID: id})
	return a.ID, a.Number, err
}

// Await implements storage.Viewer. The server answers when there is a change.
func (db *DB) Await(ctx context.Context, study, revision int64) error {
	_, err := db.ask(ctx, "read/Await", question{Study: study, Revision: revision})
	return err
}
