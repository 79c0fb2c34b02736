// Package notes reads and writes the notes of optuna-dashboard, Markdown texts about a study or one
// of its trials, and turns them into safe HTML.
package notes

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
)

const (
	// piece is how many characters of a note are in one attribute.
	piece = 2045

	// Longest is the largest size of a note in bytes. optuna-dashboard knows no limit, but whoever
	// opens the study reads all of it.
	Longest = 1 << 20
)

// A Note is a text that somebody wrote about a study or a trial.
type Note struct {
	Version int // how often it was saved; 0: never
	Body    string
}

// Of returns the note of a trial, by its ID in Optuna's tables, or of the study itself for ID 0. Its
// attributes are those of the study, because finished trials do not change. A piece that is missing
// or no text ends the note.
func Of(s storage.Study, trialID int64) Note {
	var n Note
	if v, err := pyjson.Unmarshal(s.SystemAttrs[versionKey(trialID)]); err == nil {
		switch v := v.(type) {
		case int:
			n.Version = v
		case float64:
			n.Version = int(v)
		}
	}
	var b strings.Builder
	for i := 0; ; i++ {
		v, err := pyjson.Unmarshal(s.SystemAttrs[pieceKey(trialID, i)])
		text, ok := v.(string)
		if err != nil || !ok {
			break
		}
		b.WriteString(text)
	}
	n.Body = b.String()
	return n
}

// Update returns what saves a new text for the note that Of returns. It matches storage.ErrChanged
// when written if somebody has saved the note meanwhile.
func Update(s storage.Study, trialID int64, body string) (storage.StudyUpdate, error) {
	if len(body) > Longest {
		return storage.StudyUpdate{}, fmt.Errorf("the note has %d bytes, want at most %d", len(body), Longest)
	}
	body = strings.ToValidUTF8(strings.ReplaceAll(body, "\r\n", "\n"), "�") // forms send CRLF
	key := versionKey(trialID)
	set := map[string]json.RawMessage{key: json.RawMessage(strconv.Itoa(Of(s, trialID).Version + 1))}
	runes := []rune(body)
	i := 0
	for ; len(runes) > 0; i++ {
		n := min(len(runes), piece)
		set[pieceKey(trialID, i)], _ = pyjson.Marshal(string(runes[:n])) // a string always marshals
		runes = runes[n:]
	}
	// What an earlier, longer text has left is emptied: attributes cannot be removed.
	for ; s.SystemAttrs[pieceKey(trialID, i)] != nil; i++ {
		set[pieceKey(trialID, i)] = json.RawMessage(`""`)
	}
	return storage.StudyUpdate{SystemAttrs: set, If: map[string]json.RawMessage{key: s.SystemAttrs[key]}}, nil
}

// IsKey reports whether a system attribute of a study is part of a note, so that tables of
// attributes can leave it out.
func IsKey(key string) bool {
	rest, ok := strings.CutPrefix(key, "dashboard:")
	if id, after, found := strings.Cut(rest, ":"); found && id != "" && strings.Trim(id, "0123456789") == "" {
		rest = after
	}
	return ok && (rest == "note_ver" || strings.HasPrefix(rest, "note_str:"))
}

func versionKey(trialID int64) string { return prefix(trialID) + "note_ver" }

func pieceKey(trialID int64, i int) string { return prefix(trialID) + "note_str:" + strconv.Itoa(i) }

func prefix(trialID int64) string {
	if trialID == 0 {
		return "dashboard:"
	}
	return fmt.Sprintf("dashboard:%d:", trialID)
}
