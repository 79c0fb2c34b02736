package metrics

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A jsonLines is a file of JSON lines, such as LLaMA-Factory's trainer_log.jsonl.
type jsonLines struct{}

func (jsonLines) matches(path string) bool { return strings.HasSuffix(path, ".jsonl") }

func (jsonLines) open(path string) fileReader { return wholeFile{path, parseJSONLines} }

func parseJSONLines(text []byte, add func(Point)) {
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) && !json.Valid(line) {
			break // it is being written
		}
		if p, ok := jsonPoint(string(bytes.TrimSpace(line))); ok {
			add(p)
		}
	}
}
