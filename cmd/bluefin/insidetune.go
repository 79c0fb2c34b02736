package main

import (
	"fmt"
	"os"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A tuneRun is the bluefin tune that started this process. It judges and ends the trial itself, so
// commands talk to it through the files of objective/command/hook.go, not through the study file.
type tuneRun struct{ metric, reports, stop string }

// insideTune returns the run of bluefin tune, if there is one.
func insideTune() (tuneRun, bool) {
	t := tuneRun{os.Getenv("BLUEFIN_METRIC"), os.Getenv("BLUEFIN_REPORTS"), os.Getenv("BLUEFIN_STOP")}
	return t, t.reports != ""
}

// report hands over a value. The answer is about earlier values: tune has yet to read this one.
func (t tuneRun) report(step int, value float64) error {
	line, err := pyjson.Marshal(record{{Name: "step", Value: step}, {Name: t.metric, Value: value}})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(t.reports, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return fmt.Errorf("report to bluefin tune: %w", err)
	}
	_, err = f.Write(append(line, '\n')) // one write, since other processes may report too
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("report to bluefin tune: %w", err)
	}
	if info, err := os.Stat(t.stop); err == nil && info.Size() > 0 {
		return exitCode(exitPruned)
	}
	return nil
}

// shouldStop reports whether the trial is pruned. It makes the stop file, which promises to stop.
func (t tuneRun) shouldStop() (bool, error) {
	f, err := os.OpenFile(t.stop, os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		return false, fmt.Errorf("ask bluefin tune: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("ask bluefin tune: %w", err)
	}
	return info.Size() > 0, nil
}
