package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study"
)

// speedCommand measures what the engine and a sampler cost.
type speedCommand struct {
	sampler string
	trials  string
	params  int
	whole   bool
	python  string
	format  string
}

// define declares the flags; their texts are the documentation.
func (s *speedCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "speed",
		Usage: "measure the processor time of a trial",
		Description: "Searches floats in [0, 1], in memory, on one processor, and writes the processor time of\n" +
			"the process (user and system) per trial, without that of the objective: for --trials N the\n" +
			"mean over the trials from N - max(N/10, 10) to N + max(N/10, 10), in as many searches as it\n" +
			"takes to measure 0.2 seconds, 50 at most.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "sampler", Destination: &s.sampler, Value: "random,tpe,cmaes",
				Usage: "`NAMES` with commas: " + strings.Join(samplerNames, ", ")},
			&cli.StringFlag{Name: "trials", Destination: &s.trials, Value: "100,1000,5000",
				Usage: "`NUMBERS` of trials around which to measure, with commas"},
			&cli.IntFlag{Name: "params", Destination: &s.params, Value: 5, Usage: "`NUMBER` of parameters"},
			&cli.BoolFlag{Name: "whole", Destination: &s.whole,
				Usage: "measure whole searches: the mean over the trials from the first to N"},
			&cli.StringFlag{Name: "python", Destination: &s.python,
				Usage: "a Python `PROGRAM` with Optuna, to measure it (and Rustuna, if installed) in the same run"},
			formatFlag(&s.format),
		},
		Action: action(s.run),
	}
}

// A measurement is one figure.
type measurement struct {
	Engine  string  `json:"engine"`
	Sampler string  `json:"sampler"`
	Params  int     `json:"params"`
	Trials  int     `json:"trials"`
	Micros  float64 `json:"us_per_trial"`
}

// run checks everything before the first measurement, which may take minutes.
func (s *speedCommand) run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := atLeast("params", s.params, 1); err != nil {
		return err
	}
	trials, err := counts("trials", s.trials)
	if err != nil {
		return err
	}
	samplers := words(s.sampler)
	if len(samplers) == 0 {
		return usagef("--sampler is empty, want one of %s", strings.Join(samplerNames, ", "))
	}
	for _, name := range samplers {
		if _, err := newSampler(name, plan{}); err != nil {
			return err
		}
	}
	// On one processor, so garbage collection is part of the measured time and threads do not
	// add up.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var all []measurement
	for _, name := range samplers {
		for _, n := range trials {
			seconds, err := measure(ctx, name, s.params, n, s.whole)
			if err != nil {
				return err
			}
			all = append(all, measurement{"bluefin", name, s.params, n, 1e6 * seconds})
		}
	}
	if s.python != "" {
		theirs, err := s.measurePython(ctx, stderr, samplers, trials)
		if err != nil {
			return err
		}
		all = append(all, theirs...)
	}
	var rows []row
	for _, m := range all {
		rows = append(rows, row{
			cell("engine", m.Engine), cell("sampler", m.Sampler), cell("params", m.Params),
			cell("trials", m.Trials), cell("us_per_trial", m.Micros),
		})
	}
	return printRows(stdout, s.format, rows)
}

// measure returns the seconds per trial around trial n, or up to it.
func measure(ctx context.Context, sampler string, params, n int, whole bool) (float64, error) {
	// 0.2 s is far above the clock's resolution; 50 bounds cheap samplers.
	const enough, most = 0.2, 50
	// A window, because the cost of a trial may grow with their number.
	window := max(n/10, 10)
	first, last := max(n-window, 0), n+window
	if whole {
		first, last = 0, n
	}
	names := make([]string, params)
	for i := range names {
		names[i] = "x" + strconv.Itoa(i)
	}
	if _, err := once(ctx, sampler, names, 0, 20, 0); err != nil { // warm up
		return 0, err
	}
	total, runs := 0.0, 0
	for runs == 0 || total < enough && runs < most {
		// Each run starts with an empty heap, as a new process would.
		runtime.GC()
		// Another seed each time: one lucky search must not decide.
		seconds, err := once(ctx, sampler, names, first, last, uint64(1+runs))
		if err != nil {
			return 0, err
		}
		total += seconds
		runs++
	}
	return total/float64(runs*(last-first)) - objectiveCost(params), nil
}

// once searches and returns the processor seconds of the trials from first to
// last - 1.
func once(ctx context.Context, name string, params []string, first, last int, seed uint64) (float64, error) {
	sampler, err := newSampler(name, plan{seed: seed, trials: last, workers: 1})
	if err != nil {
		return 0, err
	}
	st, err := study.Open(ctx, study.Config{Sampler: sampler, Seed: seed})
	if err != nil {
		return 0, err
	}
	start := processorTime()
	for n := range last {
		if n == first {
			start = processorTime()
		}
		t, err := ask(ctx, st)
		if err != nil {
			return 0, err
		}
		value := distance(len(params), func(i int) float64 { return t.Float(params[i], 0, 1) })
		if err := tell(ctx, st, t, value); err != nil {
			return 0, err
		}
	}
	return processorTime() - start, nil
}

// distance is the objective: the squared distance from (0.3, 0.3, …).
func distance(d int, x func(i int) float64) float64 {
	total := 0.0
	for i := range d {
		v := x(i) - 0.3
		total += v * v
	}
	return total
}

// objectiveCost returns the seconds that the objective takes by itself.
func objectiveCost(params int) float64 {
	const n = 200000
	total, start := 0.0, processorTime()
	for range n {
		total += distance(params, func(int) float64 { return 0.7 })
	}
	// Or the compiler could drop the loop.
	runtime.KeepAlive(total)
	return (processorTime() - start) / n
}

// speedScript measures Optuna as measure does this engine.
//
//go:embed speed.py
var speedScript string

// measurePython runs the script, which prints measurements as JSON.
func (s *speedCommand) measurePython(ctx context.Context, stderr io.Writer, samplers []string,
	trials []int) ([]measurement, error) {
	task, err := json.Marshal(map[string]any{"samplers": samplers, "params": s.params, "trials": trials,
		"whole": s.whole})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.python, "-c", speedScript, string(task))
	cmd.Env = append(os.Environ(), singleThread...)
	var messages strings.Builder
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		// The last line of a traceback is the reason.
		lines := strings.Split(strings.TrimSpace(messages.String()), "\n")
		return nil, fmt.Errorf("--python %s: %w: %s", s.python, err, lines[len(lines)-1])
	}
	// Warnings, such as a missing Rustuna.
	fmt.Fprint(stderr, messages.String())
	var theirs []measurement
	if err := json.Unmarshal(out, &theirs); err != nil {
		return nil, fmt.Errorf("--python %s: %w", s.python, err)
	}
	return theirs, nil
}
