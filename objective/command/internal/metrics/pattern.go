package metrics

import (
	"regexp"
	"strconv"
)

// A patternLine reads the metric by the user's own pattern.
type patternLine struct {
	pattern *regexp.Regexp
	metric  string
}

func (r patternLine) read(line string) (Point, bool) {
	found := r.pattern.FindStringSubmatch(line)
	if found == nil {
		return Point{}, false
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
		return Point{}, false
	}
	values[r.metric] = x
	return newPoint(values)
}
