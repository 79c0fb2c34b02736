// Package metrics reads metrics from what a program prints and from the files it writes.
package metrics

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// A Point is what a program reported at one moment.
type Point struct {
	Step   int // at least 0 if the point has the first metric, else -1 if it names none
	Values map[string]float64
}

// A Source is a place where metrics are found.
type Source struct {
	Name string

	file format // nil if line is not
	line lineReader

	wanted []string // metrics
	next   counter  // of lines
}

// A lineReader finds points in the output of a program.
type lineReader interface {
	read(line string) (Point, bool)
}

// Sources returns all sources of some metrics, in order of preference: reports made for Bluefin; the
// pattern, if any; then exact numbers before rounded ones, and files before output. Steps are those
// of the first metric, which is also what the pattern finds.
func Sources(metrics []string, pattern *regexp.Regexp) []*Source {
	all := []*Source{{Name: "reports", file: reportsFile{jsonLines{metrics}}}}
	if pattern != nil {
		all = append(all, &Source{Name: "pattern", line: patternLine{pattern, metrics[0]}})
	}
	all = append(all, []*Source{
		{Name: "trainer_state", file: trainerState{}},
		{Name: "jsonl", file: jsonLines{metrics}},
		{Name: "csv", file: csvFile{}},
		{Name: "wandb", file: wandbFile{}},
		{Name: "mlflow", file: mlflow{}},
		{Name: "dvclive", file: dvclive{}},
		{Name: "metrics_json", file: metricsJSON{}},
		{Name: "tagged", line: taggedLine{}},
		{Name: "json", line: jsonLine{}},
		{Name: "tfevents", file: eventFile{}}, // in float32
		{Name: "dict", line: dictLine{}},
		{Name: "text", line: newTextLine(metrics)},
	}...)
	for _, s := range all {
		s.wanted, s.next.metric = metrics, metrics[0]
	}
	return all
}

// Names returns the names of all sources, in order of preference.
func Names() []string {
	var all []string
	for _, s := range Sources([]string{""}, regexp.MustCompile("")) {
		all = append(all, s.Name)
	}
	return all
}

// Refines reports whether x, from this source, has digits that a nearly equal value from another
// source lost by rounding.
func (s *Source) Refines(x, rounded float64) bool {
	_, single := s.file.(eventFile)
	return s.file != nil && !(single && float32(x) == float32(rounded))
}

// Files reports whether the source is files, which have the points of earlier runs too.
func (s *Source) Files() bool { return s.file != nil }

// Line returns the point in a line of output.
func (s *Source) Line(line string) (Point, bool) {
	if s.line == nil {
		return Point{}, false
	}
	p, ok := s.line.read(line)
	if ok {
		p.rename(s.wanted)
		p.Step = s.next.step(p)
	}
	return p, ok
}

// stepNames are the keys that hold a step, the first one first.
var stepNames = [...]string{"step", "global_step", "current_steps", "_step", "epoch"}

// IsStep reports whether a number is a step or a time by its name, and so no metric.
func IsStep(name string) bool {
	return slices.Contains(stepNames[:], name) || name == "timestamp" || strings.HasPrefix(name, "_")
}

// newPoint makes a point of the numbers among some values. The names of nested ones are joined by
// a dot.
func newPoint(values map[string]any) (Point, bool) {
	numbers := map[string]float64{}
	flatten(numbers, "", values)
	return pointOf(numbers)
}

func flatten(numbers map[string]float64, prefix string, values map[string]any) {
	for name, v := range values {
		switch v := v.(type) {
		case float64:
			numbers[prefix+name] = v
		case int:
			numbers[prefix+name] = float64(v)
		case map[string]any:
			flatten(numbers, prefix+name+".", v)
		}
	}
}

// pointOf makes a point of numbers, one of which may be the step.
func pointOf(numbers map[string]float64) (Point, bool) {
	p := Point{Step: -1, Values: numbers}
	for _, name := range stepNames {
		if x, ok := numbers[name]; ok && x >= 0 && x == math.Trunc(x) && x < 1<<53 {
			p.Step = int(x)
			break
		}
	}
	return p, len(numbers) > 0
}

// A counter numbers points without a step. After the first of them it numbers all points: epochs 1,
// 1.5 and 2 must not become steps 1, 2 and 2.
type counter struct {
	metric   string
	next     int
	counting bool
}

// step returns the step of a point, if it has the metric.
func (c *counter) step(p Point) int {
	if _, ok := p.Values[c.metric]; ok {
		if c.counting = c.counting || p.Step < 0; c.counting {
			p.Step = c.next
		}
		c.next = max(c.next, p.Step+1)
	}
	return p.Step
}

// rename finds wanted names with slashes under the same names with dots, which is how nested names
// are joined here.
func (p Point) rename(wanted []string) {
	for _, name := range wanted {
		if x, ok := p.Values[strings.ReplaceAll(name, "/", ".")]; ok {
			if _, ok := p.Values[name]; !ok {
				p.Values[name] = x
			}
		}
	}
}
