package metrics

import (
	"regexp"
	"strconv"
	"strings"
)

// An mlflow is MLflow's SQLite store, the default of newer versions, or a file of its file store:
// EXPERIMENT/RUN/metrics/NAME, with a time, a value and a step on each line.
type mlflow struct{}

var mlflowPath = regexp.MustCompile(`(?:^|/)[0-9a-f]{32}/metrics/(.+)$`)

func (mlflow) matches(path string) bool {
	return mlflowPath.MatchString(path) || strings.HasSuffix(path, ".db") || strings.HasSuffix(path, ".sqlite")
}

func (mlflow) open(path, below string) fileReader {
	found := mlflowPath.FindStringSubmatch(below)
	if found == nil {
		return &mlflowTable{path: path}
	}
	name := found[1]
	parse := func(text []byte, add func(Point)) int {
		return lines(text, func(line []byte) {
			cells := strings.Fields(string(line))
			if len(cells) < 2 {
				return
			}
			x, err := strconv.ParseFloat(cells[1], 64)
			if err != nil {
				return
			}
			p := Point{Step: -1, Values: map[string]float64{name: x}}
			if len(cells) > 2 {
				if step, err := strconv.Atoi(cells[2]); err == nil && step >= 0 {
					p.Step = step
				}
			}
			add(p)
		})
	}
	return &appendedFile{path: path, start: func() parser { return parse }}
}
