package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

// newLogger returns the logger of a study: a line on w for each message, as all
// others of this program.
func newLogger(w io.Writer) *slog.Logger { return slog.New(lines{w}) }

// lines is a slog.Handler. The engine logs whole sentences with a few values and
// neither groups nor preset attributes.
type lines struct{ w io.Writer }

func (lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (h lines) WithAttrs([]slog.Attr) slog.Handler             { return h }
func (h lines) WithGroup(string) slog.Handler                  { return h }

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
