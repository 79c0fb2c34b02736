package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study"
)

// Files in a trial's folder.
const (
	paramsName = "params.json"
	outputName = "output.log"
	tokenName  = "process" // names the processes of the trial
)

// A StartError is why a program did not start, such as a full disk. Other parameters would not
// help, so a search should end.
type StartError struct{ Err error }

// Error implements error.
func (e *StartError) Error() string { return "the program cannot start: " + e.Err.Error() }

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Err }

// Run runs the program with the parameters of the study's Config.Space, reports
// each new value of the metric, and returns the trial's value. It is a
// study.Objective.
//
// The folder of the trial is Config.Folder/NUMBER, {trial_dir} and
// BLUEFIN_TRIAL_DIR. A restarted trial finds it as the last run left it, with its
// newest checkpoint-* folder in {last_checkpoint} and BLUEFIN_LAST_CHECKPOINT. The
// parameters are also in the environment, as BLUEFIN_PARAM_NAME, and in the JSON
// file that BLUEFIN_PARAMS names.
//
// A trial that is pruned, or whose context or time has ended, gets SIGTERM and
// after the grace period SIGKILL, with all processes it has started. None of them
// survives the trial, however it ends.
func (c *Command) Run(t *study.Trial) (float64, error) {
	if c.slots != nil {
		select {
		case slot := <-c.slots:
			defer func() { c.slots <- slot }()
			return c.run(t, slot)
		case <-t.Context().Done():
			return 0, context.Cause(t.Context())
		}
	}
	return c.run(t, nil)
}

func (c *Command) run(t *study.Trial, slot []string) (value float64, err error) {
	params := t.SuggestAll()
	if t.Err() != nil {
		return 0, t.Err()
	}
	folder, places, err := c.folder(t.Number())
	if err != nil {
		return 0, &StartError{err}
	}
	token := newToken()
	paramsFile, log, err := prepare(folder, params, token)
	if err != nil {
		return 0, &StartError{err}
	}
	if log != nil {
		defer log.Close()
	}
	args, err := c.cfg.arguments(params, places)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(c.path, args...)
	cmd.Args[0] = c.cfg.Args[0]
	cmd.Dir = c.cfg.Dir
	cmd.Env = slices.Concat(os.Environ(), c.cfg.Env, slot, environment(params, places, paramsFile),
		c.hook(folder, places["last_checkpoint"] != ""), []string{token})
	w := c.watch(t, folder)
	if log != nil {
		w.out.log = log
	}
	p, err := start(cmd, &w.out, token)
	if err != nil {
		return 0, &StartError{err}
	}
	stopped := w.until(p.ended)
	if errors.Is(stopped, study.ErrPruned) {
		w.ask(folder, p.ended)
	}
	w.end(p, stopped != nil)
	// The attributes are a convenience: a trial that is over already goes without them.
	if line, err := c.line(params, places, folder); err == nil {
		_ = t.SetUserAttr(LineAttr, line)
	}
	if w.out.logErr != nil {
		c.cfg.Logger.Warn("the output is not kept", "trial", t.Number(), "reason", w.out.logErr)
	}
	if stopped != nil {
		return 0, stopped
	}
	_ = t.SetUserAttr("exit_code", cmd.ProcessState.ExitCode())
	if p.err != nil {
		return 0, fmt.Errorf("%s ended with %w%s", filepath.Base(c.cfg.Args[0]), p.err, w.out.end())
	}
	if err := w.finish(); err != nil && t.Context().Err() == nil { // a result that is there is kept
		return 0, err
	}
	return w.value()
}

// folder makes the folder of a trial and returns what placeholders stand for.
func (c *Command) folder(number int) (folder string, places map[string]string, err error) {
	places = map[string]string{"trial_number": strconv.Itoa(number), "trial_dir": "", "last_checkpoint": ""}
	if c.cfg.Folder == "" {
		return "", places, nil
	}
	folder = filepath.Join(c.cfg.Folder, strconv.Itoa(number))
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", nil, err
	}
	places["trial_dir"], places["last_checkpoint"] = folder, lastCheckpoint(folder)
	return folder, places, nil
}

// lastCheckpoint returns the newest folder named checkpoint-*, "" if there is none.
func lastCheckpoint(folder string) string {
	all, _ := filepath.Glob(filepath.Join(folder, "checkpoint-*"))
	newest, at := "", time.Time{}
	for _, path := range all {
		if info, err := os.Stat(path); err == nil && info.IsDir() && info.ModTime().After(at) {
			newest, at = path, info.ModTime()
		}
	}
	return newest
}

// prepare ends what an earlier run of the trial has left, and writes the files
// that the new one needs. Without a folder the parameters go to no file.
func prepare(folder string, params map[string]any, token string) (paramsFile string, log *os.File, err error) {
	if folder == "" {
		return "", nil, nil
	}
	if old, err := os.ReadFile(filepath.Join(folder, tokenName)); err == nil {
		(&group{token: string(old)}).end(0, nil)
	}
	text, err := pyjson.Marshal(params)
	if err != nil {
		return "", nil, err
	}
	paramsFile = filepath.Join(folder, paramsName)
	if err := os.WriteFile(paramsFile, append(pyjson.Standard(text), '\n'), 0o666); err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, tokenName), []byte(token), 0o666); err != nil {
		return "", nil, err
	}
	log, err = os.OpenFile(filepath.Join(folder, outputName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	return paramsFile, log, err
}
