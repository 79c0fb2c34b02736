package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/lines"
)

// Write writes a study with its trials. The error matches storage.ErrInvalid if
// Read would refuse them.
func Write(w io.Writer, s storage.Snapshot) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("study %q: %w", s.Name, err)
	}
	version, n := formatVersion, len(s.Trials)
	h := header{Version: &version, Name: s.Name, Trials: &n,
		UserAttrs: lines.EncodeAttrs(s.UserAttrs), SystemAttrs: lines.EncodeAttrs(s.SystemAttrs)}
	for _, d := range s.Directions {
		h.Directions = append(h.Directions, d.String())
	}
	// Check comes first, so an invalid study writes nothing at all.
	b := bufio.NewWriter(w)
	if err := writeLine(b, h); err != nil {
		return err
	}
	known := lines.Texts{}
	for _, t := range s.Trials {
		l, err := lines.Encode(t, known)
		if err != nil {
			return fmt.Errorf("trial %d: %w", t.Number, err)
		}
		if err := writeLine(b, l); err != nil {
			return err
		}
	}
	// The first error of w stays in b and surfaces here at the latest.
	return b.Flush()
}

// writeLine writes v as one line with its checksum.
func writeLine(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	// Names with < or & stay readable, and attributes stay as they are.
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(append(seal(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n'))
	return err
}
