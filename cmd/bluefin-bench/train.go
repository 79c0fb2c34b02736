package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/kernel"
)

func trainCommand() *cli.Command {
	return &cli.Command{
		Name:  "train",
		Usage: "how fast networks are fine-tuned, on one processor",
		Description: "Takes training steps (forward, loss, backward, clipping and AdamW, with dropout) and forward\n" +
			"passes (without) of three networks: the convolutional one of the fashion task, a text encoder of\n" +
			"MiniLM's size, and the multilayer perceptron for tables of 30 columns. Steps freeze no, half or\n" +
			"all blocks in front of the head: \"step\" computes them anew, \"step_features\" begins behind them,\n" +
			"as all epochs do whose features are kept. Writes the least processor time of a step out of some\n" +
			"turns, and the most memory that the process took. With --python PyTorch takes every other turn.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "models", Value: "fashion,text,table", Usage: "`NAMES` of the networks, with commas"},
			&cli.StringFlag{Name: "model", Usage: "`FOLDER` of the text encoder; none: random weights of MiniLM's size"},
			&cli.IntFlag{Name: "batch", Value: 16, Usage: "`NUMBER` of examples in a step"},
			&cli.IntFlag{Name: "length", Value: 32, Usage: "`NUMBER` of tokens in a text"},
			&cli.IntFlag{Name: "turns", Value: 5, Usage: "`NUMBER` of turns, of which the best counts"},
			&cli.Float64Flag{Name: "seconds", Value: 0.1, Usage: "`SECONDS` of processor time that a turn is to take, at least one step"},
			&cli.StringFlag{Name: "python", Usage: "a Python `PROGRAM` that has PyTorch and transformers, to measure these in turns"},
			formatFlag(),
		},
		Action: trainSpeed,
	}
}

// A duty is what a trainer does again and again.
type duty struct {
	Model  string `json:"model"`
	Op     string `json:"op"`
	Frozen int    `json:"frozen"` // blocks
	Batch  int    `json:"batch"`
	Length int    `json:"length"` // of texts
	Folder string `json:"folder"` // of the text encoder; "": random weights

	// Training is how many numbers train: a trainer of other software that has
	// another number of them has built another network.
	Training int `json:"training"`
}

// What a duty may be.
const (
	opForward  = "forward"
	opStep     = "step"
	opFeatures = "step_features"
)

// A trainer does a duty so many times.
type trainer interface {
	do(ctx context.Context, times int) (seconds float64, err error) // of processor time
	pid() int
}

func trainSpeed(c *cli.Context) error {
	batch, err := atLeast(c, "batch", 1)
	if err != nil {
		return err
	}
	length, err := atLeast(c, "length", 1)
	if err != nil {
		return err
	}
	turns, err := atLeast(c, "turns", 1)
	if err != nil {
		return err
	}
	seconds := c.Float64("seconds")
	if !(seconds > 0 && seconds <= 1000) {
		return usagef("--seconds is %v, want above 0 and at most 1000", seconds)
	}
	models := words(c, "models")
	if len(models) == 0 {
		return usagef("--models is empty, want some of fashion, text and table")
	}
	for _, name := range models {
		if !slices.Contains([]string{"fashion", "text", "table"}, name) {
			return usagef("--models is %q, want some of fashion, text and table", name)
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	m := meter{turns: turns, seconds: seconds}
	if python := c.String("python"); python != "" {
		if m.torch, err = startTorch(c.Context, python); err != nil {
			return err
		}
		defer m.torch.close()
		fmt.Fprintln(c.App.ErrWriter, m.torch.version)
	}
	fmt.Fprintln(c.App.ErrWriter, "bluefin's kernel is", kernel.Name())
	var rows []row
	for _, name := range models {
		some, err := m.model(c.Context, duty{Model: name, Batch: batch, Length: length, Folder: c.String("model")})
		if err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	return printRows(c, rows)
}

// A meter measures duties.
type meter struct {
	turns   int
	seconds float64       // of processor time in a turn
	torch   *torchProcess // may be nil
}

// model measures all duties of a network.
func (m meter) model(ctx context.Context, d duty) ([]row, error) {
	net, err := newWorkload(d)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, op := range []string{opForward, opStep, opFeatures} {
		for _, frozen := range []int{0, (net.blocks + 1) / 2, net.blocks} {
			if frozen > 0 && op == opForward || frozen == 0 && op == opFeatures {
				continue // the same as another one
			}
			d.Op, d.Frozen = op, frozen
			some, err := m.duty(ctx, net, d)
			if err != nil {
				return nil, err
			}
			rows = append(rows, some...)
		}
	}
	return rows, nil
}

// duty measures one duty, by all engines in turns.
func (m meter) duty(ctx context.Context, net workload, d duty) ([]row, error) {
	type engine struct {
		name string
		trainer
		times int // in a turn
		best  float64
	}
	debug.FreeOSMemory() // what duties before took is no part of the memory of this one
	resetPeakMemory(processID)
	ours, err := newStepper(net, d)
	if err != nil {
		return nil, err
	}
	engines := []*engine{{name: "bluefin", trainer: ours}}
	if m.torch != nil && d.Op != opFeatures {
		d.Training = ours.training()
		if err := m.torch.begin(d); err != nil {
			return nil, err
		}
		engines = append(engines, &engine{name: "pytorch", trainer: m.torch})
	}
	for _, e := range engines {
		if e.times, err = m.times(ctx, e); err != nil {
			return nil, err
		}
	}
	for range m.turns {
		for _, e := range engines {
			seconds, err := e.do(ctx, e.times)
			if err != nil {
				return nil, err
			}
			one := seconds / float64(e.times)
			e.best = min(cmp.Or(e.best, one), one)
		}
	}
	var rows []row
	for _, e := range engines {
		rows = append(rows, row{
			cell("engine", e.name), cell("model", d.Model), cell("op", d.Op), cell("frozen", d.Frozen), cell("batch", d.Batch),
			cell("cpu_ms", 1e3*e.best), cell("examples_per_s", float64(d.Batch)/e.best), cell("peak_mib", peakMemory(e.pid())),
		})
	}
	return rows, nil
}

// times returns how often a trainer does its duty in a turn, and warms it up.
func (m meter) times(ctx context.Context, t trainer) (int, error) {
	for times := 1; ; times *= 2 {
		seconds, err := t.do(ctx, times)
		if err != nil {
			return 0, err
		}
		if seconds > m.seconds/4 {
			return max(int(m.seconds/seconds*float64(times)), 1), nil
		}
	}
}
