package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/storage/journal"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

func write(t testing.TB, s storage.Snapshot) string {
	t.Helper()
	var b bytes.Buffer
	if err := journal.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// whole writes all of a study.
func whole(s storage.Snapshot) string {
	text := fmt.Sprintf("%q %v %s %s", s.Name, s.Directions, s.UserAttrs, s.SystemAttrs)
	for _, t := range s.Trials {
		text += "\n" + storagetest.Text(t)
	}
	return text
}

func TestWhatIsReadIsWhatWasWritten(t *testing.T) {
	s := awkward.Study()
	text := write(t, s)
	got, err := journal.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := whole(got), whole(s); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	for i, tr := range got.Trials {
		if !tr.Start.Equal(s.Trials[i].Start) || !tr.End.Equal(s.Trials[i].End) {
			t.Errorf("trial %d: got times %v, %v, want %v, %v", tr.Number, tr.Start, tr.End, s.Trials[i].Start, s.Trials[i].End)
		}
		for j, p := range tr.Params {
			if !reflect.DeepEqual(fmt.Sprintf("%#v", p), fmt.Sprintf("%#v", s.Trials[i].Params[j])) {
				t.Errorf("trial %d: got parameter %#v, want %#v", tr.Number, p, s.Trials[i].Params[j])
			}
		}
	}
	if again := write(t, got); again != text {
		t.Errorf("written again it is\n%s, want\n%s", again, text)
	}
	empty := storage.Snapshot{Study: storage.Study{Name: "a", Directions: []trial.Direction{trial.Minimize}}}
	if s, err := journal.Read(strings.NewReader(write(t, empty))); err != nil || s.Name != "a" || s.Trials != nil {
		t.Errorf("a study without trials: got %v, %v", s, err)
	}
	crlf := strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\r\n")
	if got, err := journal.Read(strings.NewReader(crlf)); err != nil || len(got.Trials) != len(s.Trials) {
		t.Errorf("with other ends of lines and none at the last: %v", err)
	}
}

// The format is a promise to other programs.
func TestFormat(t *testing.T) {
	s := awkward.Study()
	text := write(t, s)
	want := []string{
		`{"bluefin_journal":1,"name":"größe 日本 'x'; --","directions":["maximize","minimize"],"trials":6,` +
			`"user_attrs":{"":"\"an empty key\"","task":"{\"nan\": NaN, \"list\": [1, 2.0]}"},` +
			`"system_attrs":{"dashboard:note_str:0":"\"# note\"","dashboard:note_ver":"3","study:metric_names":"[\"a\", \"\\u65e5\"]"},"crc32":"`,
		`{"number":4,"state":"FAIL","seen":0,"start":"2026-01-02T03:04:04.000001Z","end":"2026-01-02T03:04:05.999999Z","system_attrs":{"bluefin:failure":"\"why\""},"crc32":"`,
		`{"number":1,"state":"COMPLETE","seen":0,"start":"2026-01-02T03:04:01.000000Z","end":"2026-01-02T03:04:07.000000Z",` +
			`"params":[{"name":"x","value":0.30000000000000004,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0, \"high\": 1.0, \"log\": false}}"},`,
	}
	for i, line := range strings.Split(text, "\n")[:len(want)] {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d: got\n%s, want\n%s", i+1, line, want[i])
		}
	}
	if part := `"values":["Infinity","-Infinity"],"reports":[[0,"NaN"],[7,"-Infinity"],[8,-5e-324]],"constraints":{"c":-1,"größe":"Infinity"}`; !strings.Contains(text, part) {
		t.Errorf("got\n%s, want in it\n%s", text, part)
	}
	// A line that another program or a person has written has no checksum.
	plain := `{"bluefin_journal":1,"name":"a","directions":["minimize"],"trials":1}
{"number":0,"state":"COMPLETE","values":[1e3]}`
	if s, err := journal.Read(strings.NewReader(plain)); err != nil || s.Name != "a" || s.Trials[0].Values[0] != 1000 {
		t.Errorf("without checksums: got %v, %v", s, err)
	}
}

func TestDamageIsFoundInItsLine(t *testing.T) {
	s := awkward.Study()
	text := write(t, s)
	header, rest, _ := strings.Cut(text, "\n")
	first, _, _ := strings.Cut(rest, "\n")
	const small = `{"bluefin_journal":1,"name":"a","directions":["minimize"],"trials":2}` + "\n"
	for name, test := range map[string]struct{ text, want string }{
		"nothing":              {"", "line 1: the export is empty"},
		"an empty line":        {"\n", "line 1: this is not an export"},
		"another file":         {"number,state\n", "line 1: this is not an export of a study"},
		"other JSON":           {`{"name":"a"}`, "line 1: this is not an export of a study"},
		"a later version":      {`{"bluefin_journal":2,"names":["a"]}`, "line 1: the export has format version 2, this program reads version 1"},
		"no number of trials":  {`{"bluefin_journal":1,"name":"a","directions":["minimize"]}`, "line 1: the number of trials is missing"},
		"no direction":         {`{"bluefin_journal":1,"name":"a","trials":0}`, "line 1: invalid: the study"},
		"another direction":    {`{"bluefin_journal":1,"name":"a","directions":["up"],"trials":0}`, `line 1: direction is "up"`},
		"no name":              {`{"bluefin_journal":1,"directions":["minimize"],"trials":0}`, "line 1: invalid: the study name is empty"},
		"a study attribute":    {`{"bluefin_journal":1,"name":"a","directions":["minimize"],"trials":0,"user_attrs":{"k":"{"}}`, `line 1: invalid: attribute "k"`},
		"an unknown member":    {`{"bluefin_journal":1,"name":"a","directions":["minimize"],"trials":0,"color":"red"}`, `line 1: it is cut off or damaged: json: unknown field "color"`},
		"the header alone":     {header + "\n", "line 2: the export is cut off: it has 0 of 6 trials"},
		"the last line gone":   {text[:strings.LastIndex(text[:len(text)-1], "\n")+1], "line 7: the export is cut off: it has 5 of 6 trials"},
		"half of a line":       {text[:len(text)-20], "line 7: it is cut off or damaged"},
		"a line too many":      {text + "\n", "line 8: the first line announces 6 trials, and there are more lines"},
		"a line twice":         {header + "\n" + first + "\n" + rest, "line 3: trial 4 appears twice"},
		"a changed value":      {strings.Replace(text, `"seen":3`, `"seen":2`, 1), "line 5: the line is damaged: its checksum is"},
		"a line not UTF-8":     {strings.Replace(text, `why`, "\xff", 1), "line 2: the line is damaged: it is not UTF-8"},
		"an empty line within": {small + "\n", "line 2: it is cut off or damaged"},
		"no trial number":      {small + `{"state":"FAIL"}`, "line 2: the trial has no number"},
		"another number":       {small + `{"number":2,"state":"FAIL"}`, "line 2: the number is 2, want 0 to 1"},
		"another state":        {small + `{"number":0,"state":"DONE"}`, `line 2: state is "DONE"`},
		"a wrong value count":  {small + `{"number":0,"state":"COMPLETE"}`, "line 2: trial 0: invalid: a COMPLETE trial has 0 values, want 1"},
		"a value as text":      {small + `{"number":0,"state":"COMPLETE","values":["1"]}`, `line 2: it is cut off or damaged: "1" is not a number`},
		"no value":             {small + `{"number":0,"state":"COMPLETE","values":[null]}`, `line 2: it is cut off or damaged: null is not a number`},
		"a report of three":    {small + `{"number":0,"state":"FAIL","reports":[[1,2,3]]}`, "is not a pair of step and value"},
		"another time":         {small + `{"number":0,"state":"FAIL","start":"2026-01-02 03:04:05"}`, "line 2: parsing time"},
		"no distribution":      {small + `{"number":0,"state":"FAIL","params":[{"name":"x","value":1}]}`, `line 2: parameter "x": `},
		"no parameter value":   {small + `{"number":0,"state":"FAIL","params":[{"name":"x","distribution":"{}"}]}`, `line 2: parameter "x" has no value`},
		"a list":               {small + `[]`, "line 2: it is cut off or damaged"},
		"two objects":          {small + `{"number":0,"state":"FAIL"} {}`, "line 2: it is cut off or damaged: there is text after the object"},
		"finished after unfinished": {small + `{"number":0,"state":"WAITING"}` + "\n" + `{"number":1,"state":"FAIL"}`,
			"line 3: trial 1, FAIL, comes after trial 0, WAITING"},
		"unfinished not by number": {small + `{"number":1,"state":"WAITING"}` + "\n" + `{"number":0,"state":"RUNNING"}`, "line 3: trial 0, RUNNING, comes after trial 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := journal.Read(strings.NewReader(test.text))
			if e := new(journal.Error); !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	_, err := journal.Read(io.MultiReader(strings.NewReader(text[:100]), broken{}))
	if err != errBroken {
		t.Errorf("a reader that fails: got %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// No bit of a journal can change, and no end of it be missing, unnoticed; and
// what is noticed is noticed in its line.
func TestNoDamageGoesUnnoticed(t *testing.T) {
	s := awkward.Study()
	text := write(t, s)
	for at := range len(text) - 1 { // the last newline may go
		if _, err := journal.Read(strings.NewReader(text[:at])); err == nil {
			t.Fatalf("cut off after %d of %d bytes: no error", at, len(text))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for at := range len(text) {
		changed := []byte(text)
		changed[at] ^= 1 << r.IntN(8)
		line := strings.Count(text[:at], "\n") + 1
		got, err := journal.Read(bytes.NewReader(changed))
		var e *journal.Error
		switch {
		case err == nil && whole(got) != whole(s):
			t.Fatalf("byte %d is %q instead of %q: no error", at, changed[at], text[at])
		case err == nil: // the newline at the end
		case !errors.As(err, &e) || e.Line != line:
			t.Fatalf("byte %d is %q instead of %q: got %v, want an error in line %d", at, changed[at], text[at], err, line)
		}
	}
}

func TestWriteRefusesWhatCannotBeRead(t *testing.T) {
	s := awkward.Study()
	s.Trials[0].Number = 7
	if err := journal.Write(io.Discard, s); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("a gap in the numbers: got %v", err)
	}
	s = awkward.Study()
	if err := journal.Write(failing{}, s); !errors.Is(err, errBroken) {
		t.Errorf("a writer that fails: got %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errBroken }

// What is read can be written, and is then read the same; nothing panics.
func FuzzRead(f *testing.F) {
	s := awkward.Study()
	text := write(f, s)
	f.Add([]byte(text))
	f.Add(regexp.MustCompile(`,"crc32":"[0-9a-f]*"`).ReplaceAll([]byte(text), nil)) // or hardly a change would be read
	f.Add([]byte(`{"bluefin_journal":1,"name":"a","directions":["minimize"],"trials":1}` + "\n" +
		`{"number":0,"state":"COMPLETE","seen":1,"start":"2026-01-02T03:04:05.000000Z","params":[{"name":"x","value":1,"distribution":"{\"type\":\"int\",\"low\":0,\"high\":3}"}],"values":[-0.5],"reports":[[1,"NaN"]],"constraints":{"c":0},"user_attrs":{"k":"NaN"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := journal.Read(bytes.NewReader(text))
		if err != nil {
			if e := new(journal.Error); !errors.As(err, &e) || e.Line < 1 || e.Line > bytes.Count(text, []byte("\n"))+2 {
				t.Fatalf("got %v", err)
			}
			return
		}
		again := write(t, s)
		s2, err := journal.Read(strings.NewReader(again))
		if err != nil || whole(s2) != whole(s) {
			t.Fatalf("got %v,\n%s, want\n%s", err, whole(s2), whole(s))
		}
		if _, err := (&storage.Memory{}).Import(t.Context(), s); err != nil {
			t.Fatalf("it cannot be imported: %v", err)
		}
	})
}
