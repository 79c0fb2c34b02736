package metrics

import (
	"bytes"
	"slices"
	"strings"
)

// A jsonLines is a file of JSON lines, such as LLaMA-Factory's trainer_log.jsonl. Others may be large
// and no logs, so after some lines only those are read that may have a wanted metric.
type jsonLines struct {
	wanted []string
}

// namedLines is how many lines are read for their names alone, for messages.
const namedLines = 1000

func (jsonLines) matches(path string) bool { return strings.HasSuffix(path, ".jsonl") }

func (f jsonLines) open(path, _ string) fileReader {
	var parts [][]byte
	for _, name := range slices.Concat(f.wanted, []string{`\u`}) { // an escape may be a letter of a name
		parts = append(parts, []byte(name[strings.LastIndexAny(name, "./")+1:])) // nested names are not there as a whole
	}
	return &appendedFile{path: path, start: func() parser {
		n := 0
		return func(text []byte, add func(Point)) int {
			return parseJSONLines(text, func(line []byte) bool {
				has := func(part []byte) bool { return bytes.Contains(line, part) }
				if n >= namedLines && !slices.ContainsFunc(parts, has) {
					return false
				}
				p, ok := jsonPoint(string(line))
				if ok {
					n++
					add(p)
				}
				return ok
			})
		}
	}}
}

// parseJSONLines parses complete lines, and the last one if it is a complete object.
func parseJSONLines(text []byte, parse func(line []byte) bool) int {
	used := lines(text, func(line []byte) { parse(line) })
	if last := text[used:]; bytes.HasSuffix(last, []byte("}")) && parse(last) { // no program writes half an object
		used = len(text)
	}
	return used
}
