package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAMessageIsOneLine(t *testing.T) {
	err := errors.Join(errors.New("the trial is lost"), errors.New("seed is -1, want 0"))
	if got, want := OneLine(err), "the trial is lost; seed is -1, want 0"; got != want {
		t.Errorf("the message is %q, want %q", got, want)
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

// What is wrong with a file is said without the types of Go.
func TestOneLineIsNotGo(t *testing.T) {
	type inner struct {
		Rate float64 `json:"rate"`
	}
	type config struct {
		Size  *int     `json:"hidden_size"`
		Names []string `json:"names"`
		Inner inner    `json:"inner"`
		On    bool     `json:"on"`
	}
	for text, want := range map[string]string{
		`{"hidden_size": "x"}`:    `read config.json: "hidden_size" is a string, want a whole number`,
		`{"hidden_size": 1.5}`:    `read config.json: "hidden_size" is 1.5, want a whole number`,
		`{"names": {}}`:           `read config.json: "names" is an object, want a list`,
		`{"names": [1]}`:          `read config.json: "names" is a number, want a string`,
		`{"inner": []}`:           `read config.json: "inner" is a list, want an object`,
		`{"inner": {"rate": ""}}`: `read config.json: "inner.rate" is a string, want a number`,
		`{"on": 1}`:               `read config.json: "on" is a number, want true or false`,
		`[]`:                      `read config.json: the JSON text is a list, want an object`,
		`{"size": 1}`:             `read config.json: unknown key "size"`,
	} {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if got := OneLine(fmt.Errorf("read config.json: %w", d.Decode(new(config)))); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	var list struct {
		Inputs []struct {
			Name string `json:"name"`
		} `json:"inputs"`
	}
	if got, want := OneLine(json.Unmarshal([]byte("[]"), &list)), "the JSON text is a list, want an object"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := OneLine(json.Unmarshal([]byte("["), &list)), "the JSON text is cut off"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err := time.Parse(time.DateTime, `no"w`)
	if got, want := OneLine(err), `"no\"w" is not a time like "2006-01-02 15:04:05"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
