package scale

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Forms are the ways to share a study.
var Forms = []string{"file", "postgres", "pgbouncer", "remote", "http", "grpc", "optuna"}

// inProcesses are the forms whose workers are processes; those of others are goroutines, each with a
// connection of its own, because a thousand processes would measure themselves.
var inProcesses = []string{"file", "postgres", "pgbouncer"}

// An Experiment is a load on servers that it starts.
type Experiment struct {
	Load
	Dir     string   // the folder for files; "": a temporary one
	Args    []string // which make this program a Worker
	Bluefin string   // the program that serves
	Python  string   // which has Optuna
}

// A Result is what was measured.
type Result struct {
	Times
	Server   *Usage // of the program that serves, if there is one
	Database *Usage // of the database's processes, if there are any
	Finished int    // trials that are Complete
	Numbers  int    // trials of any state
}

// Measure runs the experiment.
func (e Experiment) Measure(ctx context.Context) (r Result, err error) {
	dir, err := os.MkdirTemp(e.Dir, "bluefin-scale-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := e.site(ctx, dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := e.create(ctx, s); err != nil {
		return r, err
	}
	var meters [2]*meter
	ready := func() error {
		for i, pids := range []func() []int{s.server, s.database} {
			if pids != nil {
				meters[i] = watch(pids)
			}
		}
		return nil
	}
	e.Address = s.address
	if slices.Contains(inProcesses, e.Form) {
		r.Times, err = runProcesses(ctx, e.Args, e.Load, ready)
	} else {
		r.Times, err = e.Load.Run(ctx, ready)
	}
	for i, usage := range []**Usage{&r.Server, &r.Database} {
		if meters[i] != nil {
			u := meters[i].stop()
			*usage = &u
		}
	}
	if err != nil {
		return r, err
	}
	return r, r.count(ctx, s.storage)
}

// create makes the study.
func (e Experiment) create(ctx context.Context, s site) error {
	if e.Form == "http" {
		return newHTTP(s.address).create(ctx, e.Sampler)
	}
	db, err := openStorage(ctx, s.storage)
	if err != nil {
		return err
	}
	_, err = db.Create(ctx, Study, []trial.Direction{trial.Minimize})
	return errors.Join(err, db.Close())
}

// count reads what the study has in the end, past any server.
func (r *Result) count(ctx context.Context, address string) error {
	db, err := openStorage(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	record, err := db.Load(ctx, Study)
	if err != nil {
		return err
	}
	tally, err := db.Tally(ctx, record.ID)
	r.Finished = tally.States[trial.Complete]
	for _, n := range tally.States {
		r.Numbers += n
	}
	return err
}

// connect connects a worker.
func (l Load) connect(ctx context.Context, number int) (client, error) {
	switch l.Form {
	case "http":
		return newHTTP(l.Address), nil
	case "grpc", "optuna":
		return newGRPC(ctx, l.Address)
	}
	return newEngine(ctx, l.Address, l.Sampler, number)
}
