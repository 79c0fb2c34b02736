package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
	"github.com/bluefin-hpo/bluefin/study"
)

// A program that knows Bluefin reports exact values and stops by itself when it is pruned. Both go
// through files in the folder of its trial, which work on every system, between any languages, and
// for one rank of many. Its environment names them:
//
//	BLUEFIN_REPORTS  the program appends JSON lines, such as {"step": 3, "loss": 0.25}
//	BLUEFIN_STOP     the program makes this file, empty, to promise that it stops by itself once
//	                 there is something in it
//	BLUEFIN_METRIC   the name of the first metric
//
// The values are empty if trials have no folder.

const stopName = "stop"

// hook returns these variables. Without a checkpoint the program starts over, so the reports of an
// earlier run are removed.
func (c *Command) hook(folder string, resumes bool) []string {
	env := []string{"BLUEFIN_METRIC=" + c.cfg.Metrics[0].Name}
	if folder == "" {
		return append(env, "BLUEFIN_REPORTS=", "BLUEFIN_STOP=")
	}
	reports, stop := filepath.Join(folder, metrics.ReportsName), filepath.Join(folder, stopName)
	_ = os.Remove(stop) // usually there is none
	if !resumes {
		_ = os.Remove(reports)
	}
	return append(env, "BLUEFIN_REPORTS="+reports, "BLUEFIN_STOP="+stop)
}

// ask asks a program that watches its stop file to stop, and waits for its end, at most for the grace
// period. Output of that time is dropped.
func (w *watch) ask(folder string, ended <-chan struct{}) {
	path := filepath.Join(folder, stopName)
	if info, err := os.Stat(path); folder == "" || err != nil || !info.Mode().IsRegular() {
		return
	}
	if os.WriteFile(path, []byte("pruned\n"), 0o666) != nil {
		return // SIGTERM does it
	}
	late, interrupted := time.After(w.command.cfg.Grace), w.trial.Context().Done()
	if errors.Is(context.Cause(w.trial.Context()), study.ErrPruned) {
		interrupted = nil // it has ended because another program has ended the trial
	}
	for {
		select {
		case <-w.lines:
		case <-ended:
			return
		case <-late:
			return
		case <-w.command.hurry:
			return
		case <-interrupted:
			return
		}
	}
}
