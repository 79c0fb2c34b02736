package scale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Forms are the ways to share a study.
var Forms = []string{"file"}

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

// A site is what the servers of an experiment need.
type site struct {
	address  string       // for workers
	storage  string       // for us
	server   func() []int // processes
	database func() []int
	stop     func() error
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
	db, err := openStorage(ctx, s.storage)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	record, err := db.Create(ctx, Study, []trial.Direction{trial.Minimize})
	if err != nil {
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
	tally, err := db.Tally(ctx, record.ID)
	r.Finished = tally.States[trial.Complete]
	for _, n := range tally.States {
		r.Numbers += n
	}
	return r, err
}

// site starts the servers.
func (e Experiment) site(_ context.Context, dir string) (s site, err error) {
	s.stop = func() error { return nil }
	switch e.Form {
	case "file":
		s.address = filepath.Join(dir, "study.db")
		s.storage = s.address
		return s, nil
	}
	return s, fmt.Errorf("unknown form %q", e.Form)
}

// connect connects a worker.
func (l Load) connect(ctx context.Context, number int) (client, error) {
	return newEngine(ctx, l.Address, l.Sampler, number)
}
