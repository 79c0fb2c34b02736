package command

import (
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A jsonLine reads a line that is a JSON object, or ends in one.
type jsonLine struct{}

func (jsonLine) read(line string) (point, bool) {
	i := strings.IndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(strings.TrimSpace(line), "}") {
		return point{}, false
	}
	return jsonPoint(line[i:])
}

func jsonPoint(text string) (point, bool) {
	v, err := pyjson.Unmarshal([]byte(text))
	if err != nil {
		return point{}, false
	}
	values, ok := v.(map[string]any)
	if !ok {
		return point{}, false
	}
	return newPoint(values)
}

// A taggedLine reads what Syne Tune's Reporter prints.
type taggedLine struct{}

func (taggedLine) read(line string) (point, bool) {
	_, text, ok := strings.Cut(line, "[tune-metric]:")
	if !ok {
		return point{}, false
	}
	return jsonPoint(strings.TrimSpace(text))
}

// A dictLine reads a Python dictionary of names and numbers, as the Hugging Face
// trainer prints it. Since version 5 its numbers are in quotes.
type dictLine struct{}

// number matches what Python and others print, also as tensor(0.5) or np.float64(0.5).
const number = `(?:[A-Za-z]+(?:\.\w+)*\()?` +
	`([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?)\b))`

var dictItem = regexp.MustCompile(`['"]([^'"]+)['"]:\s*['"]?` + number + `(?:['"),\s]|$)`)

func (dictLine) read(line string) (point, bool) {
	i, j := strings.IndexByte(line, '{'), strings.LastIndexByte(line, '}')
	if i < 0 || j < i {
		return point{}, false
	}
	return items(dictItem, line[i+1:j])
}

// A textLine reads names and numbers anywhere in a line: loss=0.5 or loss: 0.5.
type textLine struct {
	metric *regexp.Regexp // finds a name with spaces or other signs; nil: textItem finds it
}

const (
	textName   = `[\pL_][\pL\pN_./|-]*`
	textNumber = `\s*[=:]\s*` + number + `(?:$|[^\w.:]|\.(?:$|\s))`
)

var (
	textItem  = regexp.MustCompile(`(` + textName + `)` + textNumber)
	plainName = regexp.MustCompile(`^` + textName + `$`)
)

func newTextLine(metric string) textLine {
	if metric == "" || plainName.MatchString(metric) {
		return textLine{}
	}
	return textLine{regexp.MustCompile(`(?:^|[^\pL\pN_])(` + regexp.QuoteMeta(metric) + `)` + textNumber)}
}

func (r textLine) read(line string) (point, bool) {
	if r.metric == nil {
		return items(textItem, line)
	}
	p, ok := items(textItem, line)
	own, found := items(r.metric, line)
	if !ok {
		return own, found
	}
	maps.Copy(p.values, own.values)
	return p, true
}

// items makes a point of the names and numbers that a pattern finds.
func items(pattern *regexp.Regexp, text string) (point, bool) {
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
		return point{}, false
	}
	return newPoint(values)
}

// A patternLine reads the metric by the user's own pattern.
type patternLine struct {
	pattern *regexp.Regexp
	metric  string
}

func (r patternLine) read(line string) (point, bool) {
	found := r.pattern.FindStringSubmatch(line)
	if found == nil {
		return point{}, false
	}
	values := map[string]any{}
	group := 1
	if i := r.pattern.SubexpIndex("step"); i > 0 {
		if x, err := strconv.ParseFloat(found[i], 64); err == nil {
			values["step"] = x
		}
		if i == 1 && len(found) > 2 {
			group = 2
		}
	}
	x, err := strconv.ParseFloat(found[group], 64)
	if err != nil {
		return point{}, false
	}
	values[r.metric] = x
	return newPoint(values)
}
