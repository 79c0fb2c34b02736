package remote

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
)

// Errors keep what they match and what they say.
func TestErrorsKeepTheirIdentity(t *testing.T) {
	full := &storage.BudgetError{Study: "größe", Budget: 7, Leased: 2}
	for _, want := range []error{storage.ErrExist, storage.ErrNotExist, storage.ErrFinished, storage.ErrLost,
		storage.ErrInvalid, storage.ErrChanged, storage.ErrReadOnly, errRestarted, full} {
		err := fmt.Errorf("study %q: %w in\nthe file", "日本", want)
		f, status := encodeError(err)
		var line bytes.Buffer
		if e := writeLine(&line, answer{Error: f}); e != nil || status < 400 || status >= 500 {
			t.Errorf("%v: status %d, %v", err, status, e)
		}
		var a answer
		if e := newReader(&line).line(&a); e != nil {
			t.Fatal(e)
		}
		got := a.Error.err()
		if !errors.Is(got, want) && want != error(full) || got.Error() != err.Error() {
			t.Errorf("got %v, want %v", got, err)
		}
		for _, k := range kinds() {
			if errors.Is(got, k.err) != errors.Is(err, k.err) {
				t.Errorf("%v: errors.Is(%v) is %v", err, k.err, errors.Is(got, k.err))
			}
		}
		var budget *storage.BudgetError
		if errors.As(err, &budget) && (!errors.As(got, &budget) || *budget != *full) {
			t.Errorf("got the budget %+v, want %+v", budget, full)
		}
	}
	f, status := encodeError(errors.New("the disk is full"))
	if err := f.err(); status != 500 || err.Error() != "the disk is full" || errors.Unwrap(err) != nil {
		t.Errorf("an error of no kind: got %d, %v", status, err)
	}
}

// A message with all kinds of trials is read as it was written; what is damaged is refused.
func TestMessagesAreReadAsWritten(t *testing.T) {
	s := awkward.Study()
	message := func() *bytes.Buffer {
		var b bytes.Buffer
		r := encodeRecord(s.Study)
		if err := writeLine(&b, question{Record: &r, Trials: len(s.Trials)}); err != nil {
			t.Fatal(err)
		}
		if err := writeTrials(&b, s.Trials); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	read := func(text []byte) (whole storage.Snapshot, err error) {
		in := newReader(bytes.NewReader(text))
		var q question
		if err = in.line(&q); err == nil {
			if whole.Study, err = q.Record.study(); err == nil {
				whole.Trials, err = in.trials(q.Trials)
			}
		}
		if err == nil {
			err = in.end()
		}
		return whole, err
	}
	got, err := read(message().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Study) != fmt.Sprint(s.Study) {
		t.Errorf("got %v, want %v", got.Study, s.Study)
	}
	for i, tr := range got.Trials {
		if want := s.Trials[i]; storagetest.Text(tr) != storagetest.Text(want) {
			t.Errorf("got %s, want %s", storagetest.Text(tr), storagetest.Text(want))
		}
	}
	text := message().String()
	for name, damaged := range map[string]string{
		"cut off":            text[:len(text)-2],
		"a line missing":     text[:strings.LastIndex(text[:len(text)-1], "\n")+1],
		"a line more":        text + "{}\n",
		"an unknown member":  strings.Replace(text, `{"number":4`, `{"nummer":4`, 1),
		"no number":          strings.Replace(text, `{"number":4,`, `{`, 1),
		"an unknown state":   strings.Replace(text, `"FAIL"`, `"FAILED"`, 1),
		"no UTF-8":           strings.Replace(text, "größe", "gr\xf6\xdfe", 1),
		"two objects":        strings.Replace(text, "\n", " {}\n", 1),
		"another kind":       strings.Replace(text, `"number":4`, `"number":"4"`, 1),
		"a wrong number":     strings.Replace(text, `"Infinity"`, `"infinity"`, 1),
		"a wrong time":       strings.Replace(text, `"2026-01-02T03:04:04.000001Z"`, `"2026-01-02"`, 1),
		"a wrong direction":  strings.Replace(text, `"maximize"`, `"up"`, 1),
		"negative":           strings.Replace(text, `"trials":6`, `"trials":-6`, 1),
		"a huge number":      strings.Replace(text, `"trials":6`, `"trials":999999999999`, 1),
		"nothing":            "",
		"half a line":        "{",
		"no line end at all": strings.Repeat("x", 100),
	} {
		if _, err := read([]byte(damaged)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	long := newReader(strings.NewReader(strings.Repeat("x", maxLine+1)))
	if err := long.line(new(question)); err == nil || !strings.Contains(err.Error(), "more than 67108864 bytes") {
		t.Errorf("a long line: got %v", err)
	}
}

// What cannot be written without a change is not written.
func TestTextsThatAreNotUTF8(t *testing.T) {
	for _, u := range []storage.Update{
		{UserAttrs: awkward.Attrs("a\xff", "1")}, {SystemAttrs: awkward.Attrs("a", "\"\xff\"")},
		{Constraints: map[string]float64{"\xff": 1}},
	} {
		if _, err := encodeUpdate(u); !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("%+v: got %v", u, err)
		}
	}
}

// FuzzRequest looks for requests that break the decoder or take memory without bounds.
func FuzzRequest(f *testing.F) {
	s := awkward.Study()
	var b bytes.Buffer
	_ = writeTrials(&b, s.Trials)
	f.Add([]byte(`{"trials":6}` + "\n" + b.String()))
	u, _ := encodeUpdate(storage.Update{Params: s.Trials[1].Params, Reports: s.Trials[1].Reports, Constraints: map[string]float64{"c": 1},
		Checkpoint: &storage.Checkpoint{Step: 1, Data: []byte("abc")}})
	b.Reset()
	_ = writeLine(&b, question{Update: u, Claim: encodeClaim(storage.Claim{}), Change: encodeStudyUpdate(storage.StudyUpdate{
		If: awkward.Attrs("a", "1")}), Record: recordOf(s.Study)})
	f.Add(append(b.Bytes(), "abc"...))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := newReader(bytes.NewReader(text))
		var q question
		if in.line(&q) != nil {
			return
		}
		_, _ = q.Record.study()
		_, _ = q.Claim.claim()
		_, _ = q.Change.update()
		if u, err := q.Update.update(in); err == nil {
			// What was read can be written and read again.
			again, err := encodeUpdate(u)
			if err != nil {
				return // a choice that is no JSON for Python
			}
			if u.Checkpoint != nil {
				return
			}
			if second, err := again.update(in); err != nil || fmt.Sprintf("%+v", second) != fmt.Sprintf("%+v", u) {
				t.Errorf("got %+v, %v, want %+v", second, err, u)
			}
		}
		_, _ = in.trials(q.Trials)
		_ = in.end()
	})
}

// FuzzAnswer does the same for what a client reads.
func FuzzAnswer(f *testing.F) {
	s := awkward.Study()
	var b bytes.Buffer
	full, _ := encodeError(&storage.BudgetError{})
	_ = writeLine(&b, answer{Records: []record{encodeRecord(s.Study)}, Error: full, States: map[string]int{"COMPLETE": 1},
		Workers: map[int]worker{1: {}}, Checkpoint: &checkpoint{Size: 3}, Trials: 1})
	f.Add(append(b.Bytes(), "abc"...))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := newReader(bytes.NewReader(text))
		var a answer
		if in.line(&a) != nil {
			return
		}
		if a.Error != nil {
			_ = a.Error.err().Error()
		}
		_, _ = a.Record.study()
		_, _ = a.trial()
		if a.Checkpoint != nil {
			_, _ = in.data(a.Checkpoint.Size)
		}
		_, _ = in.trials(a.Trials)
	})
}
