package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/scale"
)

// scaleCommand measures studies that many workers share.
type scaleCommand struct {
	forms   string
	workers string
	trials  int
	steps   int
	step    time.Duration
	sampler string
	bluefin string
	python  string
	dir     string
	worker  bool
	format  string
}

// define declares the flags; their texts are the documentation.
func (s *scaleCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "scale",
		Usage: "measure a study that many workers share",
		Description: "Starts the servers of a form and its workers, which ask for a trial, report --steps values, each\n" +
			"after about --step, and tell a result. Reports the median and the 99th percentile of what the\n" +
			"calls took, and the processor time and the peak memory of the servers. Fails if the study has\n" +
			"not exactly its trials in the end.\n\n" +
			"Workers of file, postgres and pgbouncer are processes with an engine of their own, those of\n" +
			"remote are goroutines with one; those of http, grpc and optuna are goroutines with a connection\n" +
			"each. http and grpc go to bluefin serve on a file, optuna to Optuna's own proxy on a file.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "forms", Destination: &s.forms, Value: "file",
				Usage: "`NAMES` with commas: " + strings.Join(scale.Forms, ", ")},
			&cli.StringFlag{Name: "workers", Destination: &s.workers, Value: "8,64",
				Usage: "`NUMBERS` of workers to measure, with commas"},
			&cli.IntFlag{Name: "trials", Destination: &s.trials, Value: 1000, Usage: "`NUMBER` of all trials"},
			&cli.IntFlag{Name: "steps", Destination: &s.steps, Usage: "`NUMBER` of reports of a trial"},
			&cli.DurationFlag{Name: "step", Destination: &s.step,
				Usage: "how long a step takes on average: `TIME` as 200ms"},
			&cli.StringFlag{Name: "sampler", Destination: &s.sampler, Value: "random", Usage: "`NAME`: random or tpe"},
			&cli.StringFlag{Name: "bluefin", Destination: &s.bluefin, Value: "bluefin",
				Usage: "the `PROGRAM` that serves"},
			&cli.StringFlag{Name: "python", Destination: &s.python, EnvVars: []string{"BLUEFIN_PYTHON"},
				Usage: "a Python `PROGRAM` with Optuna, for the form optuna"},
			&cli.StringFlag{Name: "dir", Destination: &s.dir, Usage: "the `FOLDER` for study files (default: a temporary one)"},
			&cli.BoolFlag{Name: "worker", Destination: &s.worker, Hidden: true},
			formatFlag(&s.format),
		},
		Action: func(c *cli.Context) error {
			if s.worker {
				return scale.Worker(c.Context, os.Stdin, c.App.Writer)
			}
			return s.run(c.Context, c.App.Writer, c.App.ErrWriter)
		},
	}
}

// run checks everything before the first measurement, which may take minutes.
func (s *scaleCommand) run(ctx context.Context, stdout, stderr io.Writer) error {
	forms := words(s.forms)
	if len(forms) == 0 {
		return usagef("--forms is empty, want some of %s", strings.Join(scale.Forms, ", "))
	}
	for _, form := range forms {
		if !slices.Contains(scale.Forms, form) {
			return usagef("--forms is %q, want some of %s", form, strings.Join(scale.Forms, ", "))
		}
		if form == "optuna" && s.python == "" {
			return usagef("--forms is optuna, want --python too")
		}
	}
	workers, err := counts("workers", s.workers)
	if err != nil {
		return err
	}
	if err := atLeast("trials", s.trials, 1); err != nil {
		return err
	}
	if err := atLeast("steps", s.steps, 0); err != nil {
		return err
	}
	if s.step < 0 {
		return usagef("--step is %v, want at least 0s", s.step)
	}
	if s.sampler != "random" && s.sampler != "tpe" {
		return usagef("--sampler is %q, want random or tpe", s.sampler)
	}
	var rows []row
	wrong := 0
	for _, form := range forms {
		for _, n := range workers {
			e := scale.Experiment{Args: []string{"scale", "--worker"}, Dir: s.dir, Bluefin: s.bluefin, Python: s.python,
				Load: scale.Load{Form: form, Workers: n, Trials: s.trials, Steps: s.steps, Step: s.step, Sampler: s.sampler}}
			r, err := e.Measure(ctx)
			if err != nil {
				return fmt.Errorf("%s with %d workers: %w", form, n, err)
			}
			errors, most := r.ErrorCount()
			if errors > 0 {
				fmt.Fprintf(stderr, "bluefin-bench: %s with %d workers: %d calls failed, most often: %s\n", form, n, errors,
					message.Visible(most))
			}
			if errors == 0 && (r.Finished != s.trials || r.Numbers != s.trials) {
				fmt.Fprintf(stderr, "bluefin-bench: %s with %d workers: %d of %d trials finished, want %d\n", form, n,
					r.Finished, r.Numbers, s.trials)
				wrong++
			}
			rows = append(rows, s.row(form, n, r, errors))
		}
	}
	if err := printRows(stdout, s.format, rows); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d measurements lost trials", wrong)
	}
	return nil
}

// row shows a result.
func (s *scaleCommand) row(form string, workers int, r scale.Result, errors int) row {
	seconds := r.End.Sub(r.Start).Seconds()
	line := row{cell("form", form), cell("workers", workers), cell("trials", r.Finished), cell("errors", errors),
		cell("trials_per_s", float64(r.Finished)/seconds)}
	for _, calls := range []struct {
		name  string
		times []time.Duration
	}{{"ask", r.Ask}, {"report", r.Report}, {"tell", r.Tell}} {
		line = append(line, cell(calls.name+"_p50_ms", milliseconds(calls.times, 0.5)),
			cell(calls.name+"_p99_ms", milliseconds(calls.times, 0.99)))
	}
	line = append(line, cell("workers_cpu_s", r.CPU.Seconds()))
	for _, used := range []struct {
		name  string
		usage *scale.Usage
	}{{"server", r.Server}, {"database", r.Database}} {
		var cpu, memory any
		if used.usage != nil {
			cpu, memory = used.usage.CPU.Seconds(), float64(used.usage.Memory)/humanize.MByte
		}
		line = append(line, cell(used.name+"_cpu_s", cpu), cell(used.name+"_mb", memory))
	}
	return line
}

// milliseconds returns a quantile, or nil without calls.
func milliseconds(all []time.Duration, p float64) any {
	if len(all) == 0 {
		return nil
	}
	return scale.Quantile(all, p).Seconds() * 1e3
}
