// Package journal writes a study as JSON Lines and reads it back. It also reads
// the journal files of Optuna.
//
// The first line is the study, each other line a trial: the finished ones in
// finishing order, then the others by number. Nothing is left out but checkpoints,
// so the study can be rebuilt with the same history at every point. Numbers that
// JSON lacks are the strings "NaN", "Infinity" and "-Infinity"; attributes and
// distributions are JSON texts in strings, unchanged. A line ends with a checksum,
// which lines written by hand may omit.
//
//	{"bluefin_journal":1,"name":"digits","directions":["minimize"],"trials":1,…,"crc32":"1c291ca3"}
//	{"number":0,"state":"COMPLETE","seen":0,"start":"2026-01-02T03:04:05.000000Z",…,"crc32":"9be3e0a3"}
package journal

import (
	"bytes"
	"fmt"
	"hash/crc32"
)

// formatVersion is the version of the format that this package reads and writes.
const formatVersion = 1

// A header is the first line.
type header struct {
	// A pointer tells a missing member from 0.
	Version     *int              `json:"bluefin_journal"`
	Name        string            `json:"name"`
	Directions  []string          `json:"directions"`
	Trials      *int              `json:"trials"` // how many lines follow
	UserAttrs   map[string]string `json:"user_attrs,omitempty"`
	SystemAttrs map[string]string `json:"system_attrs,omitempty"`
}

// The end of a line is a checksum of all before it.
const (
	sumMark = `,"crc32":"`
	// eight hexadecimal digits and the end of the object
	sumLength = len(sumMark) + 8 + len(`"}`)
)

// seal adds the checksum to the end of an object.
func seal(object []byte) []byte {
	// The sum covers the bytes as written, so it needs no canonical form of JSON.
	body := bytes.TrimSuffix(object, []byte("}"))
	return fmt.Appendf(body, `%s%08x"}`, sumMark, crc32.ChecksumIEEE(body))
}

// unseal verifies the checksum and returns the object without it. A line without
// one is accepted: another program, or a person, may have written it.
func unseal(text []byte) ([]byte, error) {
	at := len(text) - sumLength
	if at < 0 || !bytes.HasPrefix(text[at:], []byte(sumMark)) {
		return text, nil
	}
	body := text[:at]
	if want := fmt.Sprintf(`%s%08x"}`, sumMark, crc32.ChecksumIEEE(body)); string(text[at:]) != want {
		return nil, fmt.Errorf("the line is damaged: its checksum is %s, want %s",
			text[at+len(sumMark):len(text)-2], want[len(sumMark):len(want)-2])
	}
	// Clone, because append would overwrite the checksum in the caller's line.
	return append(bytes.Clone(body), '}'), nil
}
