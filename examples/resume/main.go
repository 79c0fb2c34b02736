// Resume keeps its study in a file and can be stopped at any time: by Ctrl-C,
// by kill -9, or, so that the effect is visible without touching the keyboard,
// by itself after eight trials.
//
// Run it three times in the same folder. The first run has trials 0 to 7, the
// second 8 to 15, the third the last four; the fourth finds nothing to do.
// It writes resume.db, or the file that -storage names.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var errLimit = errors.New("this run has reached its limit")

// objective is slow enough that it can be interrupted.
func objective(t *study.Trial) (float64, error) {
	x, y := t.Float("x", -5, 5), t.Float("y", -5, 5)
	select {
	case <-time.After(50 * time.Millisecond):
		return (x-1)*(x-1) + (y+2)*(y+2), nil
	case <-t.Context().Done():
		return 0, context.Cause(t.Context()) // the trial goes back to the queue
	}
}

func run(ctx context.Context, path string, trials, limit int) (err error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := 0
	show := func(t *trial.Trial) {
		fmt.Printf("trial %2d of %d: %v %.3f\n", t.Number, trials, t.State, t.Values)
		if ended++; ended == limit {
			stop(errLimit)
		}
	}
	s, err := study.Open(ctx, study.Config{Name: "resume", Storage: db, OnTrialEnd: show})
	if err != nil {
		return err
	}
	err = s.Optimize(ctx, objective, study.Budget{Trials: trials}) // trials is the total of all runs
	switch {
	case err != nil && ctx.Err() != nil: // by the limit or by Ctrl-C
		fmt.Printf("Stopped: %v. Run it again to resume.\n", err)
		return nil
	case err != nil:
		return err
	}
	best, err := s.Best(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("All %d trials are done. Best: trial %d with %.3f\n", trials, best.Number, best.Values[0])
	return nil
}

func main() {
	path := flag.String("storage", "resume.db", "the study file")
	trials := flag.Int("trials", 20, "total number of trials")
	limit := flag.Int("limit", 8, "stop this run after this many trials; 0: never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *path, *trials, *limit); err != nil {
		log.Fatal(err)
	}
}
