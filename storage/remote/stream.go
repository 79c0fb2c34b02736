package remote

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

// maxLine bounds what one line of a message takes in memory: a trial with a million reports has half of
// it.
const maxLine = 64 << 20

// A reader reads a message.
type reader struct {
	r     *bufio.Reader
	dists map[string]space.Dist // by their text: most trials share a few
}

func newReader(r io.Reader) *reader {
	return &reader{bufio.NewReader(r), map[string]space.Dist{}}
}

// line reads a line of JSON into v. Unknown members are an error.
func (r *reader) line(v any) error {
	var text []byte
	for {
		part, err := r.r.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			return fmt.Errorf("a line of the message has more than %d bytes", maxLine)
		}
		if err == nil && text == nil {
			text = part // valid until the next read
			break
		}
		if text = append(text, part...); err == nil {
			break
		}
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	// encoding/json would replace other bytes without a word.
	if !utf8.Valid(text) {
		return errors.New("a line of the message is not UTF-8")
	}
	j := json.NewDecoder(bytes.NewReader(text))
	j.DisallowUnknownFields()
	if err := j.Decode(v); err != nil {
		return fmt.Errorf("a line of the message cannot be read: %w", err)
	}
	if _, err := j.Token(); !errors.Is(err, io.EOF) {
		return errors.New("a line of the message has text after its object")
	}
	return nil
}

// A trialLine is a trial, or why it could not be sent.
type trialLine struct {
	lines.Trial
	Error *failure `json:"error,omitempty"`
}

// trials reads so many trials.
func (r *reader) trials(n int) ([]*trial.Trial, error) {
	if n < 0 {
		return nil, fmt.Errorf("the number of trials is %d", n)
	}
	var all []*trial.Trial
	for range n {
		var l trialLine
		if err := r.line(&l); err != nil {
			return nil, err
		}
		if l.Error != nil {
			return nil, l.Error.err()
		}
		t, err := l.Decode(r.dists)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// data reads the bytes of a checkpoint. Memory grows with what has arrived, not with what was announced.
func (r *reader) data(size int64) ([]byte, error) {
	if size < 0 || size > storage.MaxCheckpoint {
		return nil, fmt.Errorf("%w: a checkpoint of %d bytes, want at most %d", storage.ErrInvalid, size, storage.MaxCheckpoint)
	}
	data := make([]byte, 0, min(size, 1<<20))
	for int64(len(data)) < size {
		if len(data) == cap(data) {
			data = append(make([]byte, 0, min(size, 8*int64(cap(data)))), data...)
		}
		n, err := io.ReadFull(r.r, data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	return data, nil
}

// end fails if there is more.
func (r *reader) end() error {
	switch _, err := r.r.ReadByte(); {
	case err == nil:
		return errors.New("the message has more than its first line announces")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// writeLine writes v as a line of JSON.
func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// writeTrials writes a line for each trial.
func writeTrials(w io.Writer, all []*trial.Trial) error {
	known := lines.Texts{}
	for _, t := range all {
		l, err := encodeTrial(t, known)
		if err != nil {
			return fmt.Errorf("trial %d: %w", t.Number, err)
		}
		if err := writeLine(w, trialLine{Trial: l}); err != nil {
			return err
		}
	}
	return nil
}
