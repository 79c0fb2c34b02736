package scale

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Worker is the other side of processes: it reads a Load, tells when it is ready, waits for a line,
// runs the load and writes its Times.
func Worker(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var l Load
	if err := json.Unmarshal(line, &l); err != nil {
		return err
	}
	times, err := l.Run(ctx, func() error {
		fmt.Fprintln(out, "ready")
		_, err := lines.ReadString('\n')
		return err
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(times)
}

// A process runs a Load elsewhere.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr strings.Builder
}

// startProcess starts a process, which is this program with the given arguments.
func startProcess(ctx context.Context, args []string, l Load) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Stderr = &p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	_, err = p.in.Write(append(text, '\n'))
	return p, err
}

// awaitReady waits until the workers are connected.
func (p *process) awaitReady() error {
	if line, err := p.out.ReadString('\n'); err != nil || line != "ready\n" {
		return fmt.Errorf("a worker said %q: %w", line, p.failure(err))
	}
	return nil
}

// times lets the workers run and returns their times.
func (p *process) times() (t Times, err error) {
	if err = json.NewDecoder(p.out).Decode(&t); err != nil {
		return t, p.failure(err)
	}
	return t, p.cmd.Wait()
}

// failure waits for the end of the process, whose last words say more than err.
func (p *process) failure(err error) error {
	_ = p.in.Close()
	_ = p.cmd.Wait()
	if last := strings.TrimSpace(p.stderr.String()); last != "" {
		return fmt.Errorf("%s", last)
	}
	return err
}

// runProcesses spreads a load over as many processes as it has workers.
func runProcesses(ctx context.Context, args []string, l Load, ready func() error) (all Times, err error) {
	ctx, cancel := context.WithCancel(ctx) // which ends those that still run
	defer cancel()
	processes := make([]*process, l.Workers)
	for i := range processes {
		share := l
		share.First, share.Workers, share.Trials = i, 1, l.Trials/l.Workers
		if i < l.Trials%l.Workers {
			share.Trials++
		}
		if processes[i], err = startProcess(ctx, args, share); err != nil {
			return all, err
		}
	}
	for _, p := range processes {
		if err := p.awaitReady(); err != nil {
			return all, err
		}
	}
	if err := ready(); err != nil {
		return all, err
	}
	for _, p := range processes {
		if _, err := fmt.Fprintln(p.in); err != nil {
			return all, p.failure(err)
		}
	}
	for _, p := range processes {
		times, err := p.times()
		if err != nil {
			return all, err
		}
		all.add(times)
	}
	return all, nil
}
