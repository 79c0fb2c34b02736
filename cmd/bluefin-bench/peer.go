package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/space"
)

// A peer is a search of another package, in a process of its own. Its errors are
// kept: the first one ends the search when the trial is told.
type peer struct {
	// One process for each search: packages keep global state, and searches run side by side.
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	messages strings.Builder
	err      error
}

// startPeer runs a program that speaks the protocol of live/protocol.py.
func startPeer(ctx context.Context, python, script string, task peerTask) (*peer, error) {
	// As an argument, so standard input is left to the requests.
	text, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	e := &peer{cmd: exec.CommandContext(ctx, python, "-c", script, string(text))}
	e.cmd.Env = append(os.Environ(), singleThread...)
	// Kept until the end: the last line of a traceback is the reason.
	e.cmd.Stderr = &e.messages
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	e.out = bufio.NewScanner(out)
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("--python %s: %w", python, err)
	}
	// The first answer shows whether the package is installed, once it has loaded.
	var hello struct{ Version string }
	if e.read(&hello); e.err != nil {
		e.close()
		return nil, e.err
	}
	return e, nil
}

// singleThread keeps numerical libraries from taking all processors, which
// other searches share.
var singleThread = []string{"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1"}

// call sends a request and reads the answer.
func (e *peer) call(request map[string]any, answer any) {
	// No requests follow the first error.
	if e.err != nil {
		return
	}
	line, err := json.Marshal(request)
	if err != nil {
		e.err = err
		return
	}
	if _, err := e.in.Write(append(line, '\n')); err != nil && !errors.Is(err, os.ErrClosed) {
		e.out.Scan() // the process has ended, or will: read says why
	}
	e.read(answer)
}

// read reads an answer.
func (e *peer) read(answer any) {
	if e.out.Scan() {
		e.err = json.Unmarshal(e.out.Bytes(), answer)
		return
	}
	// Its input ends, so the process does too, and Wait returns.
	e.in.Close()
	err := e.cmd.Wait()
	lines := strings.Split(strings.TrimSpace(e.messages.String()), "\n")
	e.err = fmt.Errorf("--python %s: %w: %s", e.cmd.Path, err, lines[len(lines)-1])
}

// close ends the process.
func (e *peer) close() {
	e.in.Close()
	_ = e.cmd.Wait() // it ends with its input; how it does no longer matters
}

// ask starts a trial. Parameters are drawn when the objective asks for them.
func (e *peer) ask(ctx context.Context) (flight, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t := &peerTrial{peer: e}
	e.call(map[string]any{"ask": true}, t)
	return t, e.err
}

// peerTrial is a trial by its number in the search.
type peerTrial struct {
	peer   *peer
	Number int
	Until  int // train until this epoch; 0: until the search says stop
}

func (t *peerTrial) suggest() functions.Ask {
	return func(name string, d space.Dist) float64 {
		e := t.peer
		dist, err := space.Marshal(d)
		if err != nil && e.err == nil {
			e.err = err
		}
		// After an error any value of the range does: the trial is not told.
		answer := struct{ Value float64 }{d.Value(0.5)}
		e.call(map[string]any{"number": t.Number, "name": name, "dist": dist}, &answer)
		return answer.Value
	}
}

func (t *peerTrial) tell(_ context.Context, values []float64) error {
	var told any = values
	if len(values) == 1 {
		told = values[0]
	}
	// The answer is empty; waiting for it keeps the other's work out of the next draw.
	t.peer.call(map[string]any{"number": t.Number, "tell": told, "whole": true}, &struct{}{})
	return t.peer.err
}
