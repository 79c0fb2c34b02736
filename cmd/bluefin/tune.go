package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/command"
)

// tuneCommand searches for the best parameters of a program.
type tuneCommand struct {
	runner

	metric    cli.StringSlice // NAME or NAME:DIRECTION
	record    cli.StringSlice
	direction string
	goal      string
	pattern   string
	reader    string

	style  string
	folder string
	render string
	resume string
	file   string

	gpus         string
	gpusPerTrial float64
	grace        time.Duration
	trialTimeout time.Duration
	stallTimeout time.Duration

	initialFailures int
	createOnly      bool

	args  []string        // parameters, "--" and the program
	given map[string]bool // the flags on the command line
}

func (t *tuneCommand) define(width int) *cli.Command {
	groups := []flagGroup{
		{"file", []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &t.file,
				Usage: "read all that follows, the parameters and the program from a `FILE`: a study.yaml (bluefin init writes " +
					"one) or a W&B sweep.yaml; what the command line gives comes before it"},
		}},
		{"metric", []cli.Flag{
			&cli.StringSliceFlag{Name: "metric", Destination: &t.metric,
				Usage: "the `NAME` of the number to improve, as the program prints or writes it; again for several, which " +
					"may end in :minimize or :maximize"},
			choiceFlag(&t.direction, "direction", "the `DIRECTION`: minimize, maximize, or auto, which maximizes "+
				"metrics named like accuracy or F1", "auto", "minimize", "maximize"),
			choiceFlag(&t.goal, "goal-of", "the `REPORT` of the metric that is the value of a trial: last or best",
				"last", "best"),
			&cli.StringSliceFlag{Name: "record", Destination: &t.record,
				Usage: "the `NAME` of another number, whose last value is saved with the trial; again for several"},
			&cli.StringFlag{Name: "regex", Destination: &t.pattern,
				Usage: "a `PATTERN` that finds the metric in a line of output, in its first group; a group named step " +
					"finds the step"},
			&cli.StringFlag{Name: "metrics", Destination: &t.reader, DefaultText: "the first that yields the metric",
				Usage: "the only `SOURCE` of the metric: " + words(command.Readers())},
		}},
		{"program", []cli.Flag{
			choiceFlag(&t.style, "args", "how parameters are appended if the command has no {NAME}: `STYLE` flags "+
				"(--a b), equals (--a=b), hydra (a=b) or none", "flags", "equals", "hydra", "none"),
			&cli.StringFlag{Name: "folder", Destination: &t.folder, DefaultText: "beside the study file, ./bluefin-trials for a URL",
				Usage: "the `FOLDER` that holds a folder for each trial, {trial_dir}"},
			&cli.StringFlag{Name: "render", Destination: &t.render,
				Usage: "a YAML, JSON or TOML `FILE` that the program reads: each trial gets a copy, {config}, with its " +
					"parameters set"},
			choiceFlag(&t.resume, "resume", "how a trial that runs again gets its checkpoint: `BY` none "+
				"({last_checkpoint} only), hf (--resume_from_checkpoint) or lightning (--ckpt_path)", "none", "hf", "lightning"),
			&cli.StringFlag{Name: "gpus", Destination: &t.gpus,
				Usage: "give each running trial GPUs of its own: `LIST` is all, or numbers or UUIDs with commas between them"},
			&cli.Float64Flag{Name: "gpus-per-trial", Destination: &t.gpusPerTrial, Value: 1,
				Usage: "a whole `NUMBER` of GPUs for each trial, or 0.5 for two trials on each GPU"},
			&cli.DurationFlag{Name: "trial-timeout", Destination: &t.trialTimeout, DefaultText: "none",
				Usage: "stop a trial after a `TIME` like 2h; it has failed"},
			&cli.DurationFlag{Name: "stall-timeout", Destination: &t.stallTimeout, DefaultText: "none",
				Usage: "stop a trial that prints and writes nothing for a `TIME`; it has failed"},
			&cli.DurationFlag{Name: "grace", Destination: &t.grace, Value: 30 * time.Second,
				Usage: "the `TIME` from SIGTERM to SIGKILL for programs that are stopped"},
		}},
		{"search", append(t.searchFlags(30), &cli.IntFlag{Name: "max-initial-failures", Destination: &t.initialFailures,
			Value: 3, Usage: "end the search after this `NUMBER` of failures if no trial has succeeded, -1 for never"})},
		{"storage", append(t.storageFlags("after the program"), createOnlyFlag(&t.createOnly))},
	}
	cmd := &cli.Command{
		Name:      "tune",
		Usage:     "search for the best parameters of any program",
		ArgsUsage: "[-f FILE] PARAMETER… -- PROGRAM [ARGUMENT…]",
		Description: "Each trial runs the program once, with parameters that are drawn from:\n" +
			"  NAME=LOW..HIGH           floats, or ints if both ends are ints\n" +
			"  NAME=LOW..HIGH:log       on a logarithmic scale\n" +
			"  NAME=LOW..HIGH:step=S    in steps\n" +
			"  NAME=LOW..HIGH:near=X    good values are probably near X\n" +
			"  NAME=A,B,C               one of these\n" +
			"  @FILE                    a search space as Optuna writes it (JSON)\n" +
			"{NAME} in the command stands for a value; without any, all are appended. " +
			"{trial_dir}, {trial_number}, {last_checkpoint} and {repetition} stand for those. The metric is read from the " +
			"output (JSON, Python dictionaries, NAME=VALUE) or from files in {trial_dir} (of the Hugging Face " +
			"trainer, Lightning and others). Run the same command again to resume after a stop.",
		Before: func(c *cli.Context) error {
			t.args, t.given = c.Args().Slice(), map[string]bool{}
			for _, name := range c.LocalFlagNames() {
				t.given[name] = true
			}
			return nil
		},
		Action: action(t.run),
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText(cmd.Name, cmd, groups, width)
	return cmd
}

func (t *tuneCommand) run(ctx context.Context, con console) error {
	p, err := t.plan(con)
	if err != nil {
		return err
	}
	return p.run(ctx, con)
}
