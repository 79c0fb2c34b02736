package dashboard

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// valueText is an external value as text, whole: strings as they are, others as JSON.
func valueText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := pyjson.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// number shows a number to people, with five digits.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 0):
		return fmt.Sprintf("%+v", x)
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}

// show shows an external value to people. Control characters and marks of direction are made
// visible, so no name can pose as another or turn its line around.
func show(v any) string {
	if x, ok := v.(float64); ok {
		return number(x)
	}
	return message.Visible(valueText(v))
}

// short is the start of a text.
func short(text string, most int) string {
	text = message.Visible(text)
	n := 0
	for i := range text {
		if n == most {
			return text[:i] + "…"
		}
		n++
	}
	return text
}

// name is a name, short enough for a line.
func name(text string) string { return short(text, 60) }

// clock shows a duration.
func clock(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// ago shows when something happened.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return humanize.Time(t)
}

// duration is how long a trial took, or has taken until now or its pause.
func duration(t *trial.Trial, now time.Time) (time.Duration, bool) {
	switch {
	case t.Paused():
		return t.Worked(), true
	case t.Start.IsZero():
		return 0, false
	case t.State.Finished():
		return t.Duration(), true
	case t.State == trial.Running:
		return t.Worked() + now.Sub(t.Start), true
	}
	return 0, false
}

// bytesText shows a number of bytes.
func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// utc shows a time; iso is the same for machines.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
func iso(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// lower shows a state: "complete".
func lower(s trial.State) string {
	if s == trial.Failed {
		return "failed"
	}
	return strings.ToLower(s.String())
}

// stateOf shows the state of a trial: a paused one is waiting for Optuna.
func stateOf(t *trial.Trial) string {
	if t.Paused() {
		return "paused"
	}
	return lower(t.State)
}

// counted shows a number of things.
func counted(n int) string { return humanize.Comma(int64(n)) }

func isPart(template string) bool { return strings.HasPrefix(template, "part_") }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sentence begins the message of an error with a capital letter.
func sentence(err error) string {
	text := message.OneLine(err)
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
