package metrics

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A dictLine reads a Python dictionary of names and numbers, as the Hugging Face
// trainer prints it. Since version 5 its numbers are in quotes.
type dictLine struct{}

// number matches what Python and others print, also as tensor(0.5) or np.float64(0.5).
const number = `(?:[A-Za-z]+(?:\.\w+)*\()?` +
	`([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?)\b))`

var dictItem = regexp.MustCompile(`['"]([^'"]+)['"]:\s*['"]?` + number + `(?:['"),\s]|$)`)

func (dictLine) read(line string) (Point, bool) {
	i, j := strings.IndexByte(line, '{'), strings.LastIndexByte(line, '}')
	if i < 0 || j < i {
		return Point{}, false
	}
	return items(dictItem, line[i+1:j])
}

// items makes a point of the names and numbers that a pattern finds.
func items(pattern *regexp.Regexp, text string) (Point, bool) {
	values := map[string]any{}
	for len(text) > 0 {
		found := pattern.FindStringSubmatchIndex(text)
		if found == nil {
			break
		}
		if x, err := strconv.ParseFloat(text[found[4]:found[5]], 64); err == nil || math.IsInf(x, 0) {
			values[text[found[2]:found[3]]] = x
		}
		text = text[found[5]:]
	}
	if len(values) == 0 {
		return Point{}, false
	}
	return newPoint(values)
}
