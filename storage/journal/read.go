package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/lines"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An Error is a defect of a journal in one line.
type Error struct {
	Line int // from 1
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Read reads what Write has written. It reads all or nothing: the error is an
// *Error if any line is missing, damaged or of a later format. An error of r is
// returned as it is.
func Read(r io.Reader) (storage.Snapshot, error) {
	// Distributions are cached for the whole file.
	d := reader{r: bufio.NewReader(r), dists: map[string]space.Dist{}}
	err := d.journal()
	switch {
	// A failed read is no defect of the file and has no line.
	case d.broken != nil:
		return storage.Snapshot{}, d.broken
	// An empty file fails before its first line.
	case err != nil:
		return storage.Snapshot{}, &Error{max(d.line, 1), err}
	}
	return d.snapshot, nil
}

// A reader reads a journal line by line.
type reader struct {
	r        *bufio.Reader
	line     int // the last one read
	snapshot storage.Snapshot
	trials   int // the number in the header
	seen     map[int]bool
	last     *trial.Trial
	dists    map[string]space.Dist
	broken   error // error of r
}

// journal reads header and trials. The count in the header is how a file cut at a line
// end is noticed.
func (d *reader) journal() error {
	if err := d.header(); err != nil {
		return err
	}
	d.seen = map[int]bool{}
	for range d.trials {
		t, err := d.trial()
		if err != nil {
			return err
		}
		d.snapshot.Trials = append(d.snapshot.Trials, t)
	}
	// A line too many may come from two exports written into one file.
	_, err := d.next()
	switch err {
	case io.EOF:
		return nil
	case nil:
		return fmt.Errorf("the first line announces %d trials, and there are more lines", d.trials)
	}
	return err
}

// next returns the next line, or io.EOF.
func (d *reader) next() ([]byte, error) {
	text, err := d.r.ReadBytes('\n')
	switch {
	case err != nil && err != io.EOF:
		d.broken = err
		// io.EOF only at a line start: a last line without a newline is read.
		return nil, err
	case len(text) == 0:
		return nil, err
	}
	d.line++
	// Windows editors end lines with CR LF; the checksum must not see the CR.
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	// encoding/json would replace such bytes silently.
	if !utf8.Valid(text) {
		return nil, errors.New("the line is damaged: it is not UTF-8")
	}
	return text, nil
}

// decode reads the object of a line into v, which must have all its members.
func decode(text []byte, v any) error {
	text, err := unseal(text)
	if err != nil {
		return err
	}
	j := json.NewDecoder(bytes.NewReader(text))
	// A misspelled optional member would be lost without a word.
	j.DisallowUnknownFields()
	err = j.Decode(v)
	if err == nil {
		// Decode stops after the object, and two lines joined into one must be noticed.
		if _, end := j.Token(); end != io.EOF {
			err = errors.New("there is text after the object")
		}
	}
	if err != nil {
		return fmt.Errorf("it is cut off or damaged: %w", err)
	}
	return nil
}

// header reads the first line.
func (d *reader) header() error {
	text, err := d.next()
	if err == io.EOF {
		return errors.New("the export is empty")
	} else if err != nil {
		return err
	}
	var version struct {
		Version *int `json:"bluefin_journal"`
	}
	// Look at the version alone first: later ones may have other members.
	if err := json.Unmarshal(text, &version); err != nil || version.Version == nil {
		return errors.New(`this is not an export of a study: want {"bluefin_journal":1, …`)
	}
	if *version.Version != formatVersion {
		return fmt.Errorf("the export has format version %d, this program reads version %d: use a newer Bluefin",
			*version.Version, formatVersion)
	}
	var h header
	if err := decode(text, &h); err != nil {
		return err
	}
	if h.Trials == nil || *h.Trials < 0 {
		return errors.New("the number of trials is missing")
	}
	d.trials = *h.Trials
	s := storage.Study{Name: h.Name, UserAttrs: lines.DecodeAttrs(h.UserAttrs), SystemAttrs: lines.DecodeAttrs(h.SystemAttrs)}
	for _, name := range h.Directions {
		direction, err := trial.ParseDirection(name)
		if err != nil {
			return err
		}
		s.Directions = append(s.Directions, direction)
	}
	d.snapshot.Study = s
	return s.Check()
}

// trial reads the next line.
func (d *reader) trial() (*trial.Trial, error) {
	text, err := d.next()
	if err == io.EOF {
		// The error is about the line that is missing.
		d.line++
		return nil, fmt.Errorf("the export is cut off: it has %d of %d trials", len(d.seen), d.trials)
	} else if err != nil {
		return nil, err
	}
	var l lines.Trial
	if err := decode(text, &l); err != nil {
		return nil, err
	}
	t, err := l.Decode(d.dists)
	if err != nil {
		return nil, err
	}
	// Checked line by line, so the error can name the line.
	if err := d.snapshot.CheckImport(t); err != nil {
		return nil, fmt.Errorf("trial %d: %w", t.Number, err)
	}
	return t, d.order(t)
}

// order checks the number and the position of a trial.
func (d *reader) order(t *trial.Trial) error {
	// Finishing order defines what each trial had seen, so lines in another order would be
	// another study.
	last := d.last
	switch {
	case t.Number < 0 || t.Number >= d.trials:
		return fmt.Errorf("the number is %d, want 0 to %d", t.Number, d.trials-1)
	case d.seen[t.Number]:
		return fmt.Errorf("trial %d appears twice", t.Number)
	case last != nil && !last.State.Finished() && (t.State.Finished() || t.Number < last.Number):
		return fmt.Errorf("trial %d, %v, comes after trial %d, %v: want the finished ones "+
			"in finishing order, then the others by number",
			t.Number, t.State, last.Number, last.State)
	}
	d.seen[t.Number], d.last = true, t
	return nil
}
