// Command bluefin searches for hyperparameters: it fine-tunes the built-in
// task, and it manages and reads study files by the verbs of Optuna's command
// line. Data goes to standard output, all else to standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
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
	// A second signal ends the program at once. Schedulers and timeout(1) send
	// the first one twice, so that only a later one counts.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// The exit codes, besides 0.
const (
	exitError       = 1
	exitUsage       = 2   // the command line is wrong
	exitInterrupted = 130 // as a shell reports a program ended by Ctrl-C
	exitPipe        = 141 // or by writing to a pipe that nobody reads; SIGPIPE does it where it is not ignored
)

// errInterrupted ends a command whose work was stopped by a signal.
var errInterrupted = errors.New("interrupted")

// A usageError is a mistake in the command line.
type usageError struct {
	error
	command string // whose help tells more, with a space behind it; or nothing
}

func usagef(format string, args ...any) error { return usageError{error: fmt.Errorf(format, args...)} }

// run runs the command line args, of which the first is the program, and
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	for _, name := range storageVars() {
		if os.Getenv(name) == "" {
			os.Unsetenv(name) // set to nothing is not set
		}
	}
	out := &dataWriter{w: stdout, terminal: isTerminal(stdout)}
	app := newApp(out, stderr)
	err := app.RunContext(ctx, spreadLists(helpLast(args)))
	if out.err != nil && !errors.Is(err, out.err) {
		err = errors.Join(out.err, err)
	}
	stderr = app.ErrWriter // which may write to a log file too
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.EPIPE): // the reader has seen enough
		return exitPipe
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bluefin: %s (see bluefin %s--help)\n", message.OneLine(err), usage.command)
		return exitUsage
	}
	fmt.Fprintf(stderr, "bluefin: %s\n", message.OneLine(err))
	return exitError
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                      "bluefin",
		Usage:                     "search for hyperparameters",
		Description:               "To begin, run `bluefin finetune`: it searches for the settings that fine-tune\na small network best, shows each trial, and saves all of them in bluefin.db.",
		Version:                   version(),
		Writer:                    stdout,
		ErrWriter:                 stderr,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // run decides about the exit
		Commands: []*cli.Command{
			finetuneCommand(helpWidth(stdout)), predictCommand(), createStudyCommand(), deleteStudyCommand(), studyNamesCommand(), studiesCommand(),
			trialsCommand(), bestTrialCommand(), bestTrialsCommand(), askCommand(), tellCommand(), enqueueCommand(), exportCommand(),
			copyStudyCommand(), exportStudyCommand(), importStudyCommand(), studyCommand(), storageCommand(),
		},
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

// prepare gives all commands, and those below them, what they have in common.
// parent is what stands before their names, with a space behind it; width is that
// of their help.
func prepare(commands []*cli.Command, parent string, width int) {
	for _, cmd := range commands {
		name := parent + cmd.Name + " "
		cmd.OnUsageError = func(c *cli.Context, err error, _ bool) error { return parseError(c, err, name) }
		cmd.HideHelpCommand = true
		if len(cmd.Subcommands) == 0 {
			if cmd.Name != "finetune" && cmd.Name != "predict" {
				cmd.Flags, cmd.Before = append(cmd.Flags, logFlags()...), openLog
			}
			if cmd.CustomHelpTemplate == "" {
				cmd.CustomHelpTemplate = helpText(parent+cmd.Name, cmd, []flagGroup{{"options", append(cmd.Flags, cli.HelpFlag)}}, width)
			}
			cmd.Action = noArguments(name, cmd.Action)
		}
		prepare(cmd.Subcommands, name, width)
	}
}

// version is that of the module, if the program was built from a release.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// noArguments refuses what is left after the flags: no command takes it, and
// flags behind it would be passed over in silence. It also says which command
// a usage error comes from: the one called name, with a space behind it.
func noArguments(name string, action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		err := error(nil)
		if c.Args().Present() {
			err = usagef("unexpected argument %q", c.Args().First())
		} else {
			err = action(c)
		}
		var usage usageError
		if errors.As(err, &usage) {
			usage.command = name
			return usage
		}
		return err
	}
}

// helpLast turns "help COMMAND" into "COMMAND --help", so that a command which
// does not exist is the same mistake in both.
func helpLast(args []string) []string {
	if len(args) < 3 || args[1] != "help" && args[1] != "h" {
		return args
	}
	return slices.Concat(args[:1], args[2:], []string{"--help"})
}

// spreadLists turns "--values 1 2" into "--values=1 --values=2", and likewise
// --directions: Optuna's lists of values, which the flag parser does not know.
func spreadLists(args []string) []string {
	isNumber := func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }
	isWord := func(s string) bool { return !strings.HasPrefix(s, "-") }
	belongs := map[string]func(string) bool{"--values": isNumber, "--directions": isWord}
	var out []string
	for i := 0; i < len(args); i++ {
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

// oneOf returns value if it is allowed.
func oneOf(flag, value string, allowed ...string) (string, error) {
	if !slices.Contains(allowed, value) {
		return "", usagef("--%s is %q, want one of %s", flag, value, strings.Join(allowed, ", "))
	}
	return value, nil
}
