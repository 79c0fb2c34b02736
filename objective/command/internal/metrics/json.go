package metrics

import (
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A jsonLine reads a line that is a JSON object, or ends in one.
type jsonLine struct{}

func (jsonLine) read(line string) (Point, bool) {
	i := strings.IndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(strings.TrimSpace(line), "}") {
		return Point{}, false
	}
	return jsonPoint(line[i:])
}

func jsonPoint(text string) (Point, bool) {
	v, err := pyjson.Unmarshal([]byte(text))
	if err != nil {
		return Point{}, false
	}
	values, ok := v.(map[string]any)
	if !ok {
		return Point{}, false
	}
	return newPoint(values)
}

// A taggedLine reads what Syne Tune's Reporter prints.
type taggedLine struct{}

func (taggedLine) read(line string) (Point, bool) {
	_, text, ok := strings.Cut(line, "[tune-metric]:")
	if !ok {
		return Point{}, false
	}
	return jsonPoint(strings.TrimSpace(text))
}
