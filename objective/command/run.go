package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/bluefin-hpo/bluefin/study"
)

// Run runs the program with the trial's parameters, reports each new value of the metric, and
// returns the trial's value. It is a study.Objective for a Command with one metric.
//
// The folder of the trial is Config.Folder/NUMBER, {trial_dir} and BLUEFIN_TRIAL_DIR. A restarted
// trial finds it as the last run left it, with its newest checkpoint in {last_checkpoint} and
// BLUEFIN_LAST_CHECKPOINT. The parameters are also in the environment, as BLUEFIN_PARAM_NAME, and
// in the JSON file that BLUEFIN_PARAMS names. {config} is the trial's copy of Config.Render.
//
// A trial that should pause is stopped once it has a new checkpoint, and resumes from that.
//
// A trial that is pruned, or whose context or time has ended, gets SIGTERM and after the grace
// period SIGKILL, with all processes it has started. None of them survives the trial, however it
// ends. A program that cannot start, as on a full disk, gives a study.AbortError.
func (c *Command) Run(t *study.Trial) (float64, error) {
	if n := len(c.cfg.Metrics); n != 1 {
		return 0, &study.AbortError{Err: fmt.Errorf("there are %d metrics, want 1 for Run: RunMulti takes several", n)}
	}
	values, err := c.RunMulti(t)
	if err != nil {
		return 0, err
	}
	return values[0], nil
}

// RunMulti is Run for any number of metrics. It is a study.MultiObjective. What the program yields of
// several metrics at one step is reported together, NaN for those that it does not yield there.
func (c *Command) RunMulti(t *study.Trial) ([]float64, error) {
	var slot []string
	if c.slots != nil {
		select {
		case slot = <-c.slots:
			defer func() { c.slots <- slot }()
		case <-t.Context().Done():
			return nil, context.Cause(t.Context())
		}
	}
	suggest := c.cfg.Params
	if suggest == nil {
		suggest = (*study.Trial).SuggestAll
	}
	params := suggest(t)
	if t.Err() != nil {
		return nil, t.Err()
	}
	if err := CheckNames(names(params)); err != nil {
		return nil, &study.AbortError{Err: err}
	}
	return c.retry(t, func() ([]float64, error) { return c.attempt(t, params, slot) })
}

// attempt runs the program once. An error is a *failure if the program is the reason.
func (c *Command) attempt(t *study.Trial, params map[string]any, slot []string) ([]float64, error) {
	cannot := func(err error) ([]float64, error) {
		return nil, &study.AbortError{Err: fmt.Errorf("the program cannot start: %w", err)}
	}
	folder, places, err := c.folder(t)
	if err != nil {
		return cannot(err)
	}
	token := newToken()
	paramsFile, log, err := prepare(folder, params, token)
	if err != nil {
		return cannot(err)
	}
	if log != nil {
		defer log.Close()
	}
	if err := c.render(params, folder, places); err != nil {
		return cannot(err)
	}
	args, err := c.cfg.arguments(params, places)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(c.path, args...)
	cmd.Args[0] = c.cfg.Args[0]
	cmd.Dir = c.cfg.Dir
	set := slices.Concat(os.Environ(), c.cfg.Env, slot)
	wandb, err := c.wandb(params, folder, set)
	if err != nil {
		return cannot(err)
	}
	cmd.Env = slices.Concat(set, environment(params, places, paramsFile),
		c.hook(folder, places["last_checkpoint"] != ""), wandb, []string{token})
	w := c.watch(t, folder)
	if places["last_checkpoint"] != "" {
		w.loadCheckpoint()
	} else if w.files != nil {
		w.files.Skip()
	}
	if log != nil {
		w.out.log = log
	}
	p, err := start(cmd, &w.out, token)
	if _, found := os.Stat(c.path); found == nil && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: the program that its first line (#!) or header names, or the working folder", err)
	}
	if err != nil {
		return cannot(err)
	}
	// The attributes are a convenience: a trial that is over already goes without them.
	if line, err := c.line(params, places, folder, wandb, slot); err == nil {
		_ = t.SetUserAttr(LineAttr, line)
	}
	stopped := w.until(p.ended)
	if errors.Is(stopped, study.ErrPruned) {
		w.ask(folder, p.ended)
	}
	pauses := errors.Is(stopped, study.ErrPaused)
	w.end(p, stopped != nil && !pauses)
	if w.out.logErr != nil {
		c.cfg.Logger.Warn("the output is not kept", "trial", t.Number(), "reason", w.out.logErr)
	}
	if pauses {
		stopped = w.paused()
	}
	if stopped != nil {
		w.record()
		return nil, stopped
	}
	exit := exitCode(cmd)
	_ = t.SetUserAttr("exit_code", exit)
	if p.err != nil {
		w.record()
		program := filepath.Base(c.cfg.Args[0])
		return nil, &failure{reason: fmt.Sprintf("%s ended with %v", program, p.err), err: p.err, exit: exit,
			output: w.out.lines()}
	}
	err = w.finish()
	w.record()
	if err != nil && t.Context().Err() == nil { // a result that is there is kept
		return nil, err
	}
	return w.values()
}
