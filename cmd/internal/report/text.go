package report

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Span is a piece of text. Foreign text comes from the study, where anybody may have written it:
// control characters are shown as escapes, and long text is cut, but it may look like HTML or Markdown.
type Span struct {
	Text    string
	Foreign bool
}

// A Text is a sentence, a paragraph or a cell of a table.
type Text []Span

// String returns the text without any markup.
func (t Text) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Foreign text that say takes: the name or value of something, and a whole sentence.
type (
	name   string
	reason string
)

// The longest foreign text that is shown, in characters.
const (
	longestName   = 60
	longestReason = 300
)

// say is fmt.Sprintf that keeps names, reasons and texts among the arguments apart.
func say(format string, args ...any) Text {
	var parts []Text
	shown := make([]any, len(args))
	for i, arg := range args {
		var part Text
		switch arg := arg.(type) {
		case name:
			part = Text{{cmp.Or(clip(string(arg), longestName), "(empty)"), true}}
		case reason:
			part = Text{{clip(string(arg), longestReason), true}}
		case Text:
			part = arg
		default:
			shown[i] = arg
			continue
		}
		parts = append(parts, part)
		shown[i] = "\x00" // no other argument has this character
	}
	var all Text
	for i, own := range strings.Split(fmt.Sprintf(format, shown...), "\x00") {
		if i > 0 {
			all = append(all, parts[i-1]...)
		}
		if own != "" {
			all = append(all, Span{Text: own})
		}
	}
	return all
}

// clip makes text visible and cuts it to a number of characters.
func clip(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return message.Visible(s)
}

// list joins texts as a sentence does: a, b and c. At most a number of them are named.
func list(all []Text, most int) Text {
	var t Text
	for i, one := range all {
		switch {
		case i == most:
			return append(t, say(" and %d more", len(all)-most)...)
		case i > 0 && i == len(all)-1:
			t = append(t, say(" and ")...)
		case i > 0:
			t = append(t, say(", ")...)
		}
		t = append(t, one...)
	}
	return t
}

// numbers lists the numbers of trials: trial 3, trials 3 and 5.
func numbers(trials []*trial.Trial, most int) Text {
	var all []Text
	for _, t := range trials {
		all = append(all, say("%d", t.Number))
	}
	word := "trials"
	if len(all) == 1 {
		word = "trial"
	}
	return say("%s %v", word, list(all, most))
}

// names lists names.
func names(all []string, most int) Text {
	var texts []Text
	for _, s := range all {
		texts = append(texts, say("%v", name(s)))
	}
	return list(texts, most)
}

// counted shows a number of things: 1 trial, 2 trials.
func counted(n int, thing string) string { return english.Plural(n, thing, "") }

// count shows a number of things in the middle of a sentence.
func count(n int) string { return humanize.Comma(int64(n)) }

// number shows a value with the digits by which trials differ.
func number(x float64) string {
	switch a := math.Abs(x); {
	case math.IsInf(x, 1):
		return "infinity"
	case math.IsInf(x, -1):
		return "−infinity"
	case a != 0 && a < 0.001 || a >= 1e5:
		return minus(fmt.Sprintf("%.4g", x))
	}
	return minus(fmt.Sprintf("%.4f", x))
}

// minus replaces the hyphen before a number and in its exponent by a minus sign of full width.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// percent shows a share.
func percent(share float64) string {
	if p := 100 * math.Abs(share); p < 9.95 && p > 0.05 {
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", 100*math.Abs(share))
}

// value shows the value of a parameter.
func value(p trial.Param) Text {
	switch v := p.External().(type) {
	case nil:
		return say("none")
	case string:
		if v == "" {
			return say("(empty)")
		}
		return say("%v", name(v))
	case float64:
		return say("%s", minus(fmt.Sprintf("%.4g", v)))
	default:
		return say("%v", v)
	}
}

// valueOf shows the value of a parameter of a trial, if it has it.
func valueOf(t *trial.Trial, param string) Text {
	if p, ok := t.Param(param); ok {
		return value(p)
	}
	return say("–")
}

// duration shows a time in its two largest units.
func duration(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 119.5:
		return fmt.Sprintf("%.0f s", s)
	case s < 3570:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		m := int(math.Round(s / 60))
		return fmt.Sprintf("%d h %02d min", m/60, m%60)
	default:
		h := int(math.Round(s / 3600))
		return fmt.Sprintf("%d days %d h", h/24, h%24)
	}
}

// capital writes the first letter of our own text as a capital.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
