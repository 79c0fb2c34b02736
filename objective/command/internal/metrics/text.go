package metrics

import (
	"maps"
	"regexp"
)

// A textLine reads names and numbers anywhere in a line: loss=0.5 or loss: 0.5.
type textLine struct {
	metrics []*regexp.Regexp // find names with spaces or other signs, which textItem does not
}

const (
	textName   = `[\pL_][\pL\pN_./|-]*`
	textNumber = `\s*[=:]\s*` + number + `(?:$|[^\w.:]|\.(?:$|\s))`
)

var (
	textItem  = regexp.MustCompile(`(` + textName + `)` + textNumber)
	plainName = regexp.MustCompile(`^` + textName + `$`)
)

func newTextLine(metrics []string) textLine {
	var r textLine
	for _, name := range metrics {
		if name != "" && !plainName.MatchString(name) {
			r.metrics = append(r.metrics,
				regexp.MustCompile(`(?:^|[^\pL\pN_])(`+regexp.QuoteMeta(name)+`)`+textNumber))
		}
	}
	return r
}

func (r textLine) read(line string) (Point, bool) {
	p, ok := items(textItem, line)
	for _, metric := range r.metrics {
		own, found := items(metric, line)
		switch {
		case found && ok:
			maps.Copy(p.Values, own.Values)
		case found:
			p, ok = own, true
		}
	}
	return p, ok
}
