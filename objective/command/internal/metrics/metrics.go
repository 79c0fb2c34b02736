// Package metrics reads metrics from what a program prints and from the files it writes.
package metrics

import (
	"math"
	"regexp"
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
	next counter
}

// A lineReader finds points in the output of a program.
type lineReader interface {
	read(line string) (Point, bool)
}

// Sources returns all sources of some metrics, in order of preference: what was made for Bluefin, then
// files before output, exact numbers before rounded ones. The first metric decides the steps, and is
// what the pattern, if any, finds.
func Sources(metrics []string, pattern *regexp.Regexp) []*Source {
	all := []*Source{
		{Name: "reports", file: reportsFile{}},
		{Name: "trainer_state", file: trainerState{}},
		{Name: "jsonl", file: jsonLines{}},
		{Name: "csv", file: csvFile{}},
		{Name: "tagged", line: taggedLine{}},
		{Name: "json", line: jsonLine{}},
		{Name: "dict", line: dictLine{}},
		{Name: "text", line: newTextLine(metrics)},
	}
	if pattern != nil {
		all = append(all, &Source{Name: "pattern", line: patternLine{pattern, metrics[0]}})
	}
	for _, s := range all {
		s.next.metric = metrics[0]
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

// Files reports whether the source is files, which are exact, rather than output.
func (s *Source) Files() bool { return s.file != nil }

// Line returns the point in a line of output.
func (s *Source) Line(line string) (Point, bool) {
	if s.line == nil {
		return Point{}, false
	}
	p, ok := s.line.read(line)
	if ok {
		p.Step = s.next.step(p)
	}
	return p, ok
}

// stepNames are the keys that hold a step, the first one first.
var stepNames = [...]string{"step", "global_step", "_step", "epoch"}

// newPoint makes a point of the numbers among some values. The names of nested ones are joined by
// a dot.
func newPoint(values map[string]any) (Point, bool) {
	p := Point{Step: -1, Values: map[string]float64{}}
	p.add("", values)
	for _, name := range stepNames {
		if x, ok := p.Values[name]; ok && x >= 0 && x == math.Trunc(x) && x < 1<<53 {
			p.Step = int(x)
			break
		}
	}
	return p, len(p.Values) > 0
}

func (p Point) add(prefix string, values map[string]any) {
	for name, v := range values {
		switch v := v.(type) {
		case float64:
			p.Values[prefix+name] = v
		case int:
			p.Values[prefix+name] = float64(v)
		case bool:
		case map[string]any:
			p.add(prefix+name+".", v)
		}
	}
}

// A counter gives steps to points without one. Once it has, it counts all later points too: epochs 1,
// 1.5 and 2 must not become the steps 1, 2 and 2.
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
