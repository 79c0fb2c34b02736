package command

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
	"github.com/bluefin-hpo/bluefin/trial"
)

// better reports whether a is a better value of the metric than b. Every number is better than NaN.
func (m Metric) better(a, b float64) bool {
	if m.Maximize {
		return trial.Maximize.Better(a, b)
	}
	return trial.Minimize.Better(a, b)
}

// values returns the values of the trial, one for each objective.
func (w *watch) values() ([]float64, error) {
	var values []float64
	for i, m := range w.command.cfg.Metrics {
		pick := func(s *series) float64 { return s.last }
		if w.command.cfg.Best {
			pick = func(s *series) float64 { return s.best }
		}
		value, ok := w.value(m.Name, pick)
		if n := len(w.earlier); !ok && n > 0 && i < len(w.earlier[n-1].Values) { // it resumed from a checkpoint of its end
			value, ok = w.earlier[n-1].Values[i], true
		}
		if !ok {
			return nil, w.missing(m.Name)
		}
		inFiles := func(s *metrics.Source) bool { return s.Files() && w.of(s.Name, m.Name) != nil }
		if w.command.cfg.Best && !slices.ContainsFunc(w.sources, inFiles) {
			for _, r := range w.earlier { // files have those of all runs
				if i < len(r.Values) && m.better(r.Values[i], value) {
					value = r.Values[i]
				}
			}
		}
		if math.IsNaN(value) {
			return nil, w.failure(0, "the value of %q is NaN, want a number", m.Name)
		}
		values = append(values, value)
	}
	return values, nil
}

// value returns the value of a metric from the source that counts, or else from the first one that
// has it. Files may have it with more digits than the output.
func (w *watch) value(metric string, pick func(*series) float64) (value float64, ok bool) {
	source := w.source
	if w.of(source, metric) == nil {
		i := slices.IndexFunc(w.sources, func(s *metrics.Source) bool { return w.of(s.Name, metric) != nil })
		if i < 0 {
			return 0, false
		}
		source = w.sources[i].Name
	}
	value = pick(w.of(source, metric))
	for _, s := range w.sources {
		if s.Name == source {
			break
		}
		if exact := w.of(s.Name, metric); exact != nil && near(pick(exact), value) && s.Refines(pick(exact), value) {
			return pick(exact), true
		}
	}
	return value, true
}

// near reports whether one number may be the other one, rounded.
func near(exact, rounded float64) bool { return math.Abs(exact-rounded) <= 0.01*math.Abs(rounded) }

// record saves the last values of the metrics to record.
func (w *watch) record() {
	for _, name := range w.command.cfg.Record {
		if value, ok := w.value(name, func(s *series) float64 { return s.last }); ok {
			_ = w.trial.SetUserAttr(name, value) // a trial that is over already goes without
		}
	}
}

// missing is the failure of a program that has not reported a metric.
func (w *watch) missing(metric string) error {
	others := "and nothing that looks like a metric"
	if w.command.cfg.Reader != "" {
		others = "and the only source that counts, " + w.command.cfg.Reader + ", has no metric"
	}
	if len(w.seen) > 0 {
		others = "but " + listed(metric, slices.Sorted(maps.Keys(w.seen)))
	} else if !w.first.IsZero() {
		others = "but " + w.command.cfg.Metrics[0].Name
	}
	return w.failure(0, "the program reported no %q, %s", metric, others)
}

// listed joins names into at most one line; names most like the metric come first.
func listed(metric string, names []string) string {
	plain := strings.NewReplacer("/", "", ".", "", "_", "", "-", "", " ", "")
	like := func(name string) int {
		a, b := strings.ToLower(plain.Replace(name)), strings.ToLower(plain.Replace(metric))
		switch {
		case a == b:
			return 0
		case strings.HasSuffix(a, b) || strings.HasSuffix(b, a):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(names, func(a, b string) int { return like(a) - like(b) })
	text := ""
	for i, name := range names {
		if i > 0 && len(text)+len(name) > 80 {
			return fmt.Sprintf("%s and %d more", text, len(names)-i)
		}
		text += strings.Repeat(", ", min(i, 1)) + name
	}
	return text
}
