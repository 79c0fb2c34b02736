package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/space"
)

// liveNames are the samplers of Optuna that live.py knows, by our names.
var liveNames = []string{
	"tpe", "tpe-independent", "tpe-groups", "gp", "random", "qmc", "cmaes", "cmaes-margin", "cmaes-separable",
}

// livePrefix is the start of the names of samplers that Optuna runs.
const livePrefix = "optuna-"

// liveSamplers returns the names of Optuna's samplers: those of --live, or the ones among ours.
func (q *qualityCommand) liveSamplers(samplers []string) ([]string, error) {
	// Without a Python there is nothing to run; check has refused --live then.
	if q.python == "" {
		return nil, nil
	}
	names := words(q.live)
	if q.live == "" {
		names = slices.DeleteFunc(slices.Clone(samplers), func(s string) bool { return !slices.Contains(liveNames, s) })
	}
	if len(names) == 0 {
		return nil, usagef("--live is empty, want some of %s", strings.Join(liveNames, ", "))
	}
	for i, name := range names {
		if !slices.Contains(liveNames, name) {
			return nil, usagef("--live is %q, want some of %s", name, strings.Join(liveNames, ", "))
		}
		// The prefix keeps two samplers of one name apart in all summaries.
		names[i] = livePrefix + name
	}
	return names, nil
}

// optunaScript answers the requests of a liveOptuna.
//
//go:embed live.py
var optunaScript string

// A liveOptuna is a search of Optuna, in a process of its own. Its errors are
// kept: the first one ends the search when the trial is told.
type liveOptuna struct {
	// One process for each search: Optuna keeps global state, and searches run side by side.
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	messages strings.Builder
	err      error
}

// startOptuna starts a search with the sampler of the given name.
func startOptuna(ctx context.Context, python, name string, p plan) (engine, error) {
	// As an argument, so the script on standard input is left to the requests.
	task, err := json.Marshal(map[string]any{"sampler": name, "seed": p.seed})
	if err != nil {
		return nil, err
	}
	o := &liveOptuna{cmd: exec.CommandContext(ctx, python, "-c", optunaScript, string(task))}
	o.cmd.Env = append(os.Environ(), singleThread...)
	// Kept until the end: the last line of a traceback is the reason.
	o.cmd.Stderr = &o.messages
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.out = bufio.NewScanner(out)
	if err := o.cmd.Start(); err != nil {
		return nil, fmt.Errorf("--python %s: %w", python, err)
	}
	// The first answer shows whether Optuna is installed, once it has loaded.
	var hello struct{ Version string }
	if o.read(&hello); o.err != nil {
		o.close()
		return nil, o.err
	}
	return o, nil
}

// singleThread keeps numerical libraries from taking all processors, which
// other searches share.
var singleThread = []string{"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1"}

// call sends a request and reads the answer.
func (o *liveOptuna) call(request map[string]any, answer any) {
	// No requests follow the first error.
	if o.err != nil {
		return
	}
	line, err := json.Marshal(request)
	if err != nil {
		o.err = err
		return
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil && !errors.Is(err, os.ErrClosed) {
		o.out.Scan() // the process has ended, or will: read says why
	}
	o.read(answer)
}

// read reads an answer.
func (o *liveOptuna) read(answer any) {
	if o.out.Scan() {
		o.err = json.Unmarshal(o.out.Bytes(), answer)
		return
	}
	// Its input ends, so the process does too, and Wait returns.
	o.in.Close()
	err := o.cmd.Wait()
	lines := strings.Split(strings.TrimSpace(o.messages.String()), "\n")
	o.err = fmt.Errorf("--python %s: %w: %s", o.cmd.Path, err, lines[len(lines)-1])
}

// close ends the process.
func (o *liveOptuna) close() {
	o.in.Close()
	_ = o.cmd.Wait() // it ends with its input; how it does no longer matters
}

// ask starts a trial. Parameters are drawn when the objective asks for them.
func (o *liveOptuna) ask(ctx context.Context) (flight, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t := &optunaTrial{optuna: o}
	o.call(map[string]any{"ask": true}, t)
	return t, o.err
}

// optunaTrial is a trial by its number in Optuna's study.
type optunaTrial struct {
	optuna *liveOptuna
	Number int
}

func (t *optunaTrial) suggest() functions.Ask {
	return func(name string, d space.Dist) float64 {
		o := t.optuna
		dist, err := space.Marshal(d)
		if err != nil && o.err == nil {
			o.err = err
		}
		// After an error any value of the range does: the trial is not told.
		answer := struct{ Value float64 }{d.Value(0.5)}
		o.call(map[string]any{"number": t.Number, "name": name, "dist": dist}, &answer)
		return answer.Value
	}
}

func (t *optunaTrial) tell(_ context.Context, value float64) error {
	// The answer is empty; waiting for it keeps Optuna's work out of the next draw.
	t.optuna.call(map[string]any{"number": t.Number, "tell": value}, &struct{}{})
	return t.optuna.err
}
