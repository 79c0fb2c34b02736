package metrics

import (
	"bytes"
	"strings"
)

// A jsonLines is a file of JSON lines, such as LLaMA-Factory's trainer_log.jsonl.
type jsonLines struct{}

func (jsonLines) matches(path string) bool { return strings.HasSuffix(path, ".jsonl") }

func (jsonLines) open(path, _ string) fileReader {
	return &appendedFile{path: path, start: func() parser { return parseJSONLines }}
}

func parseJSONLines(text []byte, add func(Point)) int {
	parse := func(line []byte) bool {
		p, ok := jsonPoint(string(line))
		if ok {
			add(p)
		}
		return ok
	}
	used := lines(text, func(line []byte) { parse(line) })
	if last := text[used:]; bytes.HasSuffix(last, []byte("}")) && parse(last) { // no program writes half an object
		used = len(text)
	}
	return used
}
