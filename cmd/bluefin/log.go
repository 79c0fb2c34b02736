package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

// lines is a slog.Handler that writes a line per message, as the rest of this program does. The
// engine logs whole sentences with a few values, and neither groups nor preset attributes.
type lines struct{ w io.Writer }

// Enabled leaves out debug messages.
func (lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// WithAttrs ignores preset attributes, which the engine does not use.
func (h lines) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup ignores groups, which the engine does not use.
func (h lines) WithGroup(string) slog.Handler { return h }

// Handle writes "bluefin: MESSAGE (KEY VALUE, …)".
func (h lines) Handle(_ context.Context, r slog.Record) error {
	var values []string
	r.Attrs(func(a slog.Attr) bool {
		values = append(values, a.Key+" "+a.Value.String())
		return true
	})
	text := r.Message
	if len(values) > 0 {
		text += " (" + strings.Join(values, ", ") + ")"
	}
	_, err := fmt.Fprintf(h.w, "bluefin: %s\n", message.Visible(text))
	return err
}

// logFlags are those that all of Optuna's commands have.
func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "write only warnings and errors to standard error"},
		&cli.StringFlag{Name: "log-file", Usage: "also append standard error to `FILE`"},
		logFormatFlag(),
		// accepted for scripts written for Optuna; there is no more to report
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Hidden: true},
		&cli.BoolFlag{Name: "debug", Hidden: true},
	}
}

// logFormat is the name of the flag that chooses how messages are written.
const logFormat = "log-format"

func logFormatFlag() cli.Flag {
	return choiceFlag(new(string), logFormat, "the `FORMAT` of messages on standard error: text, or json with "+
		"an object in each line", "text", "json")
}

// openLog copies standard error to --log-file, until the program ends.
func openLog(c *cli.Context) error {
	// As in Optuna.
	if c.Bool("quiet") && c.Bool("verbose") {
		return usagef("--quiet and --verbose exclude each other")
	}
	if !c.IsSet("log-file") {
		return nil
	}
	// Appended, so several commands of a script share one log.
	f, err := os.OpenFile(c.String("log-file"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("--log-file: %w", err)
	}
	c.App.ErrWriter = io.MultiWriter(c.App.ErrWriter, f)
	return nil
}
