// Command bluefin-bench compares searches: the cost of a trial (speed), the
// quality of a sampler's trials (quality), the savings of pruners (pruning), how soon a search beats
// recommended settings on real trainings (finetune), and by what they are judged best (fidelity).
// Data goes to standard output, messages go to standard error. Packages have
// benchmarks of their own: go test -bench.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// The exit codes other than 0.
const (
	exitError       = 1
	exitUsage       = 2   // the command line is wrong
	exitInterrupted = 130 // as a shell reports a program ended by Ctrl-C
)

// A usageError is a mistake in the command line.
type usageError struct{ error }

// usagef returns a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs a command line, which begins with the program, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := newApp(stdout, stderr).RunContext(ctx, args)
	var usage usageError
	switch {
	case err == nil:
		return 0
	// Before the other cases: an interrupted search fails with errors of many kinds.
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bluefin-bench: interrupted")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bluefin-bench: %s (see bluefin-bench --help)\n", message.OneLine(err))
		return exitUsage
	}
	fmt.Fprintf(stderr, "bluefin-bench: %s\n", message.OneLine(err))
	return exitError
}

// newApp declares the commands. Each call makes new ones, since parsing fills their
// fields.
func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:           "bluefin-bench",
		Usage:          "measure how fast and how good the samplers and pruners are",
		Writer:         stdout,
		ErrWriter:      stderr,
		ExitErrHandler: func(*cli.Context, error) {}, // run chooses the exit code
		Commands: []*cli.Command{new(speedCommand).define(), new(qualityCommand).define(),
			new(pruningCommand).define(), new(scaleCommand).define(), new(finetuneCommand).define(),
			new(transferCommand).define(), new(memoryCommand).define(), new(secondsCommand).define(),
			new(fidelityCommand).define()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("unknown command %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		OnUsageError: onUsageError,
	}
	// Checks that all commands share are wrapped around their actions.
	for _, cmd := range app.Commands {
		cmd.OnUsageError, cmd.HideHelpCommand = onUsageError, true
		action := cmd.Action
		cmd.Action = func(c *cli.Context) error {
			if c.Args().Present() { // flags after it would be ignored silently
				return usagef("unexpected argument %q", c.Args().First())
			}
			if f := c.String("format"); f != "table" && f != "json" {
				return usagef("--format is %q, want table or json", f)
			}
			return action(c)
		}
	}
	return app
}

// onUsageError marks errors of the parser; its own handler would print help in between.
func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{err} }

// action adapts a command to the parser. As in cmd/bluefin, a command is a struct of its flags, which
// define binds and the parser fills in; run knows no parser.
func action(run func(ctx context.Context, stdout, stderr io.Writer) error) cli.ActionFunc {
	return func(c *cli.Context) error { return run(c.Context, c.App.Writer, c.App.ErrWriter) }
}

// formatFlag is the same for all commands; newApp checks its value.
func formatFlag(format *string) cli.Flag {
	return &cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: format, Value: "table",
		Usage: "`FORMAT` of the output: table or json"}
}

// words splits the value of a flag at its commas.
func words(value string) []string {
	var list []string
	for w := range strings.SplitSeq(value, ",") {
		// Repeated names would run, and count, twice.
		if w = strings.TrimSpace(w); w != "" && !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

// counts splits the value of a flag at its commas into numbers of at least 1.
func counts(flag, value string) ([]int, error) {
	var list []int
	for _, w := range words(value) {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return nil, usagef("--%s is %q, want numbers of at least 1", flag, w)
		}
		list = append(list, n)
	}
	if len(list) == 0 {
		return nil, usagef("--%s is empty, want numbers of at least 1", flag)
	}
	return list, nil
}

// atLeast returns an error if the value of a flag is below least.
func atLeast(flag string, n, least int) error {
	if n < least {
		return usagef("--%s is %d, want at least %d", flag, n, least)
	}
	return nil
}
