package message

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestAMessageIsOneLineWithoutPackages(t *testing.T) {
	lost := errors.New("storage: the trial is lost")
	for want, err := range map[string]error{
		"the trial is lost":                     lost,
		"begin a trial: the trial is lost":      fmt.Errorf("study: begin a trial: %w", lost),
		"the trial is lost; seed is -1, want 0": errors.Join(lost, errors.New("functions: seed is -1, want 0")),
		"folds is 9":                            errors.New("finetune: train: folds is 9"),
		"the context: x":                        errors.New("the context: x"), // ends like "text"
	} {
		if got := OneLine(err); got != want {
			t.Errorf("the message is %q, want %q", got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"größe 日本 naïve":         "größe 日本 naïve",
		"a\x1b[31mred\x1b[0m":    `a\x1b[31mred\x1b[0m`,
		"two\nlines\r\tand\x00":  `two\nlines\r\tand\x00`,
		"\u202egnp.exe":          `\u202egnp.exe`,
		"\u2066x\u2069\u200f":    `\u2066x\u2069\u200f`,
		"\u009b31m \x7f \u2028":  `\u009b31m \x7f \u2028`,
		"bad \xff\xfe \xc3":      `bad \xff\xfe \xc3`,
		"a\u00a0b � it's":        "a\u00a0b � it's",
		"👩\u200d👧 می\u200cخواهم": "👩\u200d👧 می\u200cخواهم",
		`C:\new`:                 `C:\new`,
		"'":                      "'",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The line ends of the format stay, those of its arguments do not, and width,
// flags and verbs mean what they mean in fmt.
func TestFprintf(t *testing.T) {
	for want, args := range map[string][]any{
		"a\nb: x\\ny\n":                {"a\nb: %s\n", "x\ny"},
		`"\x1b" 007 [1 2] <nil>`:       {"%q %03d %v %v", "\x1b", 7, []int{1, 2}, nil},
		`|ab   |  1.50| no\x1b| 50 %|`: {"|%-*s|%6.2f| %v| %d %%|", 5, "ab", 1.5, errors.New("no\x1b"), 50},
		`[a\x1b b]`:                    {"%v", []string{"a\x1b", "b"}},
	} {
		var b strings.Builder
		if Fprintf(&b, args[0].(string), args[1:]...); b.String() != want {
			t.Errorf("%q: got %q, want %q", args[0], b.String(), want)
		}
	}
	if got := OneLine(errors.New("open a\x1b\u202e\nb")); got != `open a\x1b\u202e; b` {
		t.Errorf("OneLine: got %q", got)
	}
}
