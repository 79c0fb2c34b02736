package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// trainScript does in PyTorch what a stepper does.
//
//go:embed train.py
var trainScript string

// A torchProcess is a trainer in PyTorch, in a process of its own.
type torchProcess struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *json.Decoder
	messages strings.Builder
	version  string
}

// A torchAnswer is what the process answers.
type torchAnswer struct {
	Version string  `json:"version"`
	Seconds float64 `json:"seconds"`
}

func startTorch(ctx context.Context, python string) (*torchProcess, error) {
	p := &torchProcess{cmd: exec.CommandContext(ctx, python, "-c", trainScript)}
	p.cmd.Env = append(append(os.Environ(), singleThread...), "HF_HUB_OFFLINE=1")
	p.cmd.Stderr = &p.messages
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("--python %s: %w", python, err)
	}
	hello, err := p.read()
	if err != nil {
		return nil, err
	}
	p.version = hello.Version
	return p, nil
}

// begin gives the process another duty.
func (p *torchProcess) begin(d duty) error {
	resetPeakMemory(p.pid())
	_, err := p.call(d)
	return err
}

func (p *torchProcess) do(ctx context.Context, times int) (float64, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	a, err := p.call(map[string]int{"times": times})
	return a.Seconds, err
}

func (p *torchProcess) pid() int { return p.cmd.Process.Pid }

// call sends a request and reads the answer.
func (p *torchProcess) call(request any) (torchAnswer, error) {
	line, err := json.Marshal(request)
	if err != nil {
		return torchAnswer{}, err
	}
	// A process that has ended takes nothing: read says why.
	_, _ = p.in.Write(append(line, '\n'))
	return p.read()
}

func (p *torchProcess) read() (a torchAnswer, err error) {
	if err = p.out.Decode(&a); err == nil {
		return a, nil
	}
	p.in.Close()
	if ended := p.cmd.Wait(); ended != nil {
		err = ended
	}
	lines := strings.Split(strings.TrimSpace(p.messages.String()), "\n")
	return a, fmt.Errorf("--python %s: %w: %s", p.cmd.Path, err, lines[len(lines)-1])
}

func (p *torchProcess) close() {
	p.in.Close()
	_ = p.cmd.Wait() // it ends with its input; how it does no longer matters
}
