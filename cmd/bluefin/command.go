package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

// Each command is a struct whose fields are its flags. Its method define binds the fields to flags,
// which the parser fills in; its method run does the work. run gets a context and a console and
// does not depend on the parser, so a test sets the fields and calls it.

// A console is what a command reads and writes.
type console struct {
	in    io.Reader
	out   *dataWriter // data
	err   io.Writer   // everything else
	quiet bool        // logf writes nothing

	screen *screen      // err, if it is a terminal that can show a live block
	json   *slog.Logger // --log-format json: to err; nil: lines
}

// logf reports what was done.
func (con console) logf(format string, args ...any) {
	switch {
	case con.quiet:
	case con.json != nil:
		con.json.Info(strings.TrimSpace(fmt.Sprintf(format, args...)))
	default:
		message.Fprintf(con.err, format+"\n", args...)
	}
}

// logger returns a logger for studies, which keeps warnings apart from logf: --quiet does not hide them.
func (con console) logger() *slog.Logger {
	if con.json != nil {
		return con.json
	}
	return slog.New(lines{con.err})
}

// action adapts run to the parser.
func action(run func(context.Context, console) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		// run has set it.
		out := c.App.Writer.(*dataWriter)
		con := console{in: c.App.Reader, out: out, err: c.App.ErrWriter, quiet: c.Bool("quiet")}
		if c.App.Metadata[logFormat] = c.String(logFormat); c.String(logFormat) == "json" {
			con.json = slog.New(slog.NewJSONHandler(con.err, nil))
		} else if s := newScreen(con.err); s != nil {
			con.err, con.screen = s, s
			defer s.hide()
		}
		return run(c.Context, con)
	}
}

// A group is a command with others below it, such as storage.
func group(name, usage string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{Name: name, Usage: usage, Subcommands: commands, Action: func(c *cli.Context) error {
		if c.Args().Present() {
			return unknownCommand(c, name+" ")
		}
		return cli.ShowSubcommandHelp(c)
	}}
}

// What the help shows as the default of flags without one. The parser's own required flags print
// the whole help and exit with 1.
const (
	required      = "required"
	requiredEmpty = "required, may be empty"
)

// prepare adds to all commands, and those below them, what they share. parent comes before their
// names, with a space at its end; width is that of their help.
func prepare(commands []*cli.Command, parent string, width int) {
	for _, cmd := range commands {
		name := parent + cmd.Name + " "
		// The parser's own handler would print the whole help before the message.
		cmd.OnUsageError = func(c *cli.Context, err error, _ bool) error { return parseError(c, err, name) }
		// helpLast has replaced it.
		cmd.HideHelpCommand = true
		if len(cmd.Subcommands) == 0 || cmd.Flags != nil {
			// Optuna has no such commands.
			if !slices.Contains([]string{"finetune", "init", "kubernetes", "predict", "slurm", "suggest-defaults",
				"tune", "worker"}, cmd.Name) {
				cmd.Flags, cmd.Before = append(cmd.Flags, logFlags()...), openLog
			}
			if cmd.CustomHelpTemplate == "" {
				cmd.CustomHelpTemplate = helpText(parent+cmd.Name, cmd,
					[]flagGroup{{"options", append(cmd.Flags, cli.HelpFlag)}}, width)
			}
			cmd.Action = checked(name, cmd.Action)
		}
		prepare(cmd.Subcommands, name, width)
	}
}

// checked returns an action that refuses arguments after the flags, since flags behind them would be
// ignored silently, and missing flags. Usage errors get the name of the command, with a space at its end.
func checked(name string, action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		err := missing(c)
		if c.Args().Present() && c.Command.ArgsUsage == "" {
			err = usagef("unexpected argument %q", c.Args().First())
		}
		if err == nil {
			err = action(c)
		}
		var usage usageError
		if errors.As(err, &usage) {
			// Here, since the commands themselves do not know how they are called.
			usage.command = name
			return usage
		}
		return err
	}
}

// missing returns an error for the first required flag that is not given.
func missing(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		d, ok := f.(cli.DocGenerationFlag)
		if !ok || !strings.HasPrefix(d.GetDefaultText(), required) {
			continue
		}
		// An empty value counts as missing, except where it has a meaning.
		if !c.IsSet(name) || d.GetDefaultText() == required && c.String(name) == "" {
			return usagef("--%s is missing", name)
		}
	}
	return nil
}
