// Command bluefin searches for hyperparameters: it fine-tunes networks, and it manages and reads study
// files with the verbs of Optuna's command line. Data goes to standard output, everything else to
// standard error.
//
// A command is a struct; see command.go. Groups of flags that several commands have are structs too:
// studyFlags and storageFlag select a study, formatFlags print records, outputFlags write files,
// samplerFlags choose a sampler. Flags become settings in one place: finetune.go for the search,
// finetune_flags.go and finetune_task.go for data and training.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal kills the program. Schedulers and timeout(1) send the first one twice, so only
	// one that comes a second later counts.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// The exit codes other than 0.
const (
	exitError       = 1
	exitUsage       = 2   // the command line is wrong
	exitPruned      = 3   // report: the trial should stop
	exitInterrupted = 130 // as a shell reports a program ended by Ctrl-C
	exitPipe        = 141 // as a shell reports SIGPIPE: nobody reads the output any more
)

// errInterrupted ends a command whose work was stopped by a signal.
var errInterrupted = errors.New("interrupted")

// A usageError is a mistake in the command line.
type usageError struct {
	error
	command string // whose help explains more, with a space at its end; may be empty
}

// An exitCode ends the command as an answer, not as a mistake: nothing is printed.
type exitCode int

// Error implements error.
func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// An errorWith ends the command with a code of its own.
type errorWith struct {
	error
	code int
}

// Unwrap returns the error without the code.
func (e errorWith) Unwrap() error { return e.error }

// usagef makes an error that names a flag, its value and what is allowed. It ends the command with exitUsage.
func usagef(format string, args ...any) error { return usageError{error: fmt.Errorf(format, args...)} }

// run runs a command line, which begins with the program, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// Unsetting a variable for one command is hard in a shell.
	for _, name := range append(storageVars(), studyVars()...) {
		if os.Getenv(name) == "" {
			os.Unsetenv(name) // empty counts as unset
		}
	}
	out := &dataWriter{w: stdout, terminal: isTerminal(stdout)}
	app := newApp(out, stderr)
	err := app.RunContext(ctx, spreadLists(storageFirst(helpLast(args))))
	// The error may have been dropped by a library that prints.
	if out.err != nil && !errors.Is(err, out.err) {
		err = errors.Join(out.err, err)
	}
	stderr = app.ErrWriter // which --log-file may have changed
	var answer exitCode
	if errors.As(err, &answer) {
		return int(answer)
	}
	if inJSON := app.Metadata[logFormat] == "json"; inJSON && err != nil && !errors.Is(err, errInterrupted) {
		slog.New(slog.NewJSONHandler(stderr, nil)).Error(message.OneLine(err))
		stderr = io.Discard
	}
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.EPIPE): // such as `bluefin trials | head`
		return exitPipe
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bluefin: %s (see bluefin %s--help)\n", message.OneLine(err), usage.command)
		if usage.command == "worker " {
			return exitNever
		}
		return exitUsage
	}
	fmt.Fprintf(stderr, "bluefin: %s\n", message.OneLine(err))
	var coded errorWith
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitError
}

// newApp returns the parser with all commands. Their flags are bound to new structs, so runs share nothing.
func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "bluefin",
		Usage: "search for hyperparameters",
		Description: "To start, run `bluefin finetune`: it finds the best settings for " +
			"fine-tuning\na small network, shows each trial, and saves all of them in bluefin.db.",
		Version:   version(release),
		Writer:    stdout,
		ErrWriter: stderr,
		// Otherwise the parser would split values at commas, also those within names.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // run chooses the exit code
		Commands: []*cli.Command{
			new(tuneCommand).define(helpWidth(stdout)), new(initCommand).define(),
			new(finetuneCommand).define(helpWidth(stdout)), new(workerCommand).define(helpWidth(stdout)), new(predictCommand).define(),
			new(createStudyCommand).define(), new(deleteStudyCommand).define(),
			(&studiesCommand{namesOnly: true}).define(), new(studiesCommand).define(),
			new(statusCommand).define(), allTrials().define(), bestTrial().define(), bestTrials().define(),
			new(importancesCommand).define(),
			new(askCommand).define(), new(reportCommand).define(helpWidth(stdout)), new(shouldPruneCommand).define(),
			new(tellCommand).define(), new(enqueueCommand).define(), new(suggestDefaultsCommand).define(), new(stopCommand).define(),
			new(pythonHookCommand).define(), new(mcpCommand).define(), new(dashboardCommand).define(),
			new(serveCommand).define(),
			new(exportCommand).define(), new(rerunCommand).define(),
			new(copyStudyCommand).define(), new(exportStudyCommand).define(),
			new(importStudyCommand).define(),
			plotGroup(),
			group("submit", "start workers on a cluster", new(submitSlurmCommand).define(helpWidth(stdout)),
				new(submitKubernetesCommand).define(helpWidth(stdout))),
			group("study", "change a study", new(setAttrCommand).define()),
			group("storage", "maintain a study file",
				new(checkCommand).define(), new(backupCommand).define(),
				new(upgradeCommand).define(), new(vacuumCommand).define()),
		},
		// Reached when no command matches.
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c, "")
			}
			return cli.ShowAppHelp(c)
		},
		OnUsageError: func(c *cli.Context, err error, _ bool) error { return parseError(c, err, "") },
	}
	prepare(app.Commands, "", helpWidth(stdout))
	return app
}

// helpLast turns "help COMMAND" into "COMMAND --help", so an unknown command is the same mistake in both.
func helpLast(args []string) []string {
	// The help of the program itself needs no rewriting.
	if len(args) < 3 || args[1] != "help" && args[1] != "h" {
		return args
	}
	return slices.Concat(args[:1], args[2:], []string{"--help"})
}

// storageFirst turns "serve STUDY.db" into "serve --storage=STUDY.db", since the parser takes no flags after it.
func storageFirst(args []string) []string {
	if len(args) < 3 || args[1] != "serve" || strings.HasPrefix(args[2], "-") || args[2] == "katib" {
		return args
	}
	return slices.Concat(args[:2], []string{"--storage=" + args[2]}, args[3:])
}

// spreadLists turns "--values 1 2" into "--values=1 --values=2", and --directions too: lists as in
// Optuna, which the flag parser does not support.
func spreadLists(args []string) []string {
	// A negative number is a value, not a flag.
	isNumber := func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }
	isWord := func(s string) bool { return !strings.HasPrefix(s, "-") }
	belongs := map[string]func(string) bool{"--values": isNumber, "--directions": isWord}
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" { // what follows belongs to another program
			return append(out, args[i:]...)
		}
		ok := belongs[args[i]]
		if ok == nil || i+1 == len(args) || !ok(args[i+1]) {
			out = append(out, args[i])
			continue
		}
		for name := args[i]; i+1 < len(args) && ok(args[i+1]); i++ {
			out = append(out, name+"="+args[i+1])
		}
	}
	return out
}
