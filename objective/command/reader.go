package command

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A point is what a program reported at one moment.
type point struct {
	step   int // -1: it named none
	values map[string]float64
}

// A lineReader finds points in the output of a program.
type lineReader interface {
	read(line string) (point, bool)
}

// A fileReader finds points in the files that a program writes while it runs.
type fileReader interface {
	// read returns all points in the trial's folder so far. Files may be
	// incomplete or replaced at any moment.
	read(folder string) []point
}

// A source is a reader with its name. Sources of exact values come before those
// that round, so that where a program has several the best is taken.
type source struct {
	name string
	file fileReader // nil if line is not
	line lineReader
}

func (cfg Config) sources() []source {
	all := []source{
		{name: "trainer_state", file: trainerState{}},
		{name: "jsonl", file: jsonLines{}},
		{name: "csv", file: csvFiles{}},
		{name: "tagged", line: taggedLine{}},
		{name: "json", line: jsonLine{}},
		{name: "dict", line: dictLine{}},
		{name: "text", line: newTextLine(cfg.Metric)},
	}
	if cfg.Pattern != nil {
		all = append(all, source{name: "pattern", line: patternLine{cfg.Pattern, cfg.Metric}})
	}
	if cfg.Reader != "" {
		all = slices.DeleteFunc(all, func(s source) bool { return s.name != cfg.Reader })
	}
	return all
}

// Readers returns the names of the readers, in the order in which they are
// preferred: files of the Hugging Face trainer, JSON lines files and CSV files in
// the trial's folder; lines of output that Syne Tune tagged, JSON objects, Python
// dictionaries, and NAME=VALUE or NAME: VALUE; Config.Pattern.
func Readers() []string {
	var all []string
	for _, s := range (Config{}).sources() {
		all = append(all, s.name)
	}
	return append(all, "pattern")
}

func checkReader(name string) error {
	if !slices.Contains(Readers(), name) {
		return fmt.Errorf("reader is %q, want one of %s", name, strings.Join(Readers(), ", "))
	}
	return nil
}

// stepNames are the keys that hold a step, the first one first.
var stepNames = [...]string{"step", "global_step", "_step", "epoch"}

// newPoint makes a point of the numbers among some values; nested ones have names
// joined by a dot and a slash.
func newPoint(values map[string]any) (point, bool) {
	p := point{step: -1, values: map[string]float64{}}
	p.add("", values)
	for _, name := range stepNames {
		if x, ok := p.values[name]; ok && x >= 0 && x == math.Trunc(x) && x < 1<<53 {
			p.step = int(x)
			break
		}
	}
	return p, len(p.values) > 0
}

func (p point) add(prefix string, values map[string]any) {
	for name, v := range values {
		switch v := v.(type) {
		case float64:
			p.values[prefix+name] = v
		case int:
			p.values[prefix+name] = float64(v)
		case bool:
		case map[string]any:
			p.add(prefix+name+".", v)
		}
	}
}
