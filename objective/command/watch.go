package command

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	look     = 500 * time.Millisecond // between two looks at a trial's files
	lookSoon = 20 * time.Millisecond  // the same, of one that should pause
	settle   = 10 * time.Second       // how long the first source waits for a better one

	allReported = 1000 // points that are all reported; of more, half in each doubling of this number
	linesRead   = 1000 // short ones of output without the metric's name, to learn what other names there are

	waitingLines = 64 // of output: longestLine bounds each, so they take 64 MiB at most
)

// A sample is what a point has of the metrics, NaN for the others.
type sample struct {
	step   int
	values []float64
}

// A series is what a source has yielded of one metric.
type series struct {
	n          int
	last, best float64
}

// A watch follows one run of the program.
type watch struct {
	command *Command
	trial   *study.Trial
	folder  string // of the trial, "" if there is none
	out     output
	sources []*metrics.Source
	files   *metrics.Folder // nil: there is no folder
	lines   chan string

	series  map[string]map[string]*series // by source and metric
	points  map[string][]sample           // by source: what report has not seen; those of files may come again
	seen    map[string]bool               // names of other metrics
	first   time.Time                     // when the metric was first seen
	source  string                        // the one that counts; "" until it is chosen
	steps   map[int]bool                  // reported
	earlier []trial.Point                 // by earlier runs of the trial
	count   int                           // of points with new steps
	top     int                           // the highest step of them
	news    time.Time                     // when a file last changed
	pause   time.Time                     // until when the folder is not looked at

	changed    bool   // there may be a new checkpoint
	checkpoint string // the last one of which the study knows
}

func (c *Command) watch(t *study.Trial, folder string) *watch {
	w := &watch{
		command: c, trial: t, folder: folder, sources: c.cfg.sources(), lines: make(chan string, waitingLines),
		series: map[string]map[string]*series{}, points: map[string][]sample{}, seen: map[string]bool{},
		steps: map[int]bool{}, news: time.Now(),
	}
	if folder != "" {
		w.files = metrics.NewFolder(folder, w.sources, outputName)
	}
	parts := []string{`\u`} // it may escape a letter of a name
	for _, name := range c.cfg.names() {
		parts = append(parts, name[strings.LastIndexAny(name, "./")+1:]) // a nested name is not there as a whole
	}
	n := 0
	w.out.line = func(line string) {
		has := func(part string) bool { return strings.Contains(line, part) }
		if n++; n <= linesRead && len(line) <= tailLine || c.cfg.Pattern != nil || slices.ContainsFunc(parts, has) {
			w.lines <- line
		}
	}
	w.out.last = time.Now()
	w.earlier = t.Curve()
	for _, r := range w.earlier {
		w.steps[r.Step], w.top, w.count = true, max(w.top, r.Step), w.count+1
	}
	w.source = c.source()
	return w
}

// until reports what the program does until it ends, and returns nil; or why it
// must be stopped.
func (w *watch) until(ended <-chan struct{}) error {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	start, soon := time.Now(), false
	for {
		if !soon && w.trial.Pausing() { // what it trains after its next checkpoint is for nothing
			soon = true
			ticks.Reset(lookSoon)
		}
		select {
		case line := <-w.lines:
			w.line(line)
			if err := w.report(false); err != nil {
				return err
			}
		case <-ticks.C:
			if time.Now().After(w.pause) && w.look() {
				w.changed = true
			}
			if err := w.report(false); err != nil {
				return err
			}
			if w.changed && (w.source != "" || w.first.IsZero()) { // pending reports belong to the checkpoint
				w.changed = false
				name := w.newest()
				if soon { // what was printed before the checkpoint belongs to it
					w.catchUp()
					if err := w.report(false); err != nil {
						return err
					}
				}
				if err := w.saveCheckpoint(name); err != nil {
					return err
				}
			}
			if limit := w.command.cfg.TrialTimeout; limit > 0 && time.Since(start) > limit {
				return w.failure(-1, "the trial ran longer than %v", limit)
			}
			quiet := min(time.Since(w.out.lastAt()), time.Since(w.news))
			if limit := w.command.cfg.StallTimeout; limit > 0 && quiet > limit {
				return w.failure(-1, "the program printed and wrote nothing for %v", limit)
			}
		case <-w.trial.Context().Done():
			return context.Cause(w.trial.Context())
		case <-ended:
			return nil
		}
	}
}

// catchUp takes in what the program has printed, until it is quiet for a moment.
func (w *watch) catchUp() {
	for late := time.After(10 * lookSoon); ; {
		select {
		case line := <-w.lines:
			w.line(line)
		case <-time.After(lookSoon):
			return
		case <-late:
			return
		}
	}
}

// failure returns that of a program that was stopped, or ended well but without a result.
func (w *watch) failure(exit int, format string, args ...any) error {
	return &failure{reason: fmt.Sprintf(format, args...), exit: exit, output: w.out.lines()}
}

// end ends all processes of the trial and takes in what they have printed
// meanwhile, or drops it.
func (w *watch) end(p *process, drop bool) {
	log := w.command.cfg.Logger
	go func() {
		began := time.Now()
		forced, left := p.group.end(w.command.cfg.Grace, w.command.hurry)
		if forced && drop {
			log.Warn("the program did not end when it was asked to, and was killed", "trial", w.trial.Number(),
				"after", time.Since(began).Round(time.Second/10))
		}
		w.drain(p, left)
	}()
	for line := range w.lines {
		if !drop {
			w.line(line)
		}
	}
}

// drain waits until all that was printed is read, however long that takes. Where nothing
// more comes, a process that cannot be found holds the pipe open.
func (w *watch) drain(p *process, left bool) {
	for !left {
		before := w.out.lastAt()
		select {
		case <-p.drained:
			w.out.flush() // a last line without an end
			close(w.lines)
			return
		case <-time.After(time.Second):
			left = len(w.lines) == 0 && w.out.lastAt().Equal(before)
		}
	}
	p.output.Close()
	<-p.drained
	w.out.flush()
	close(w.lines)
	w.command.cfg.Logger.Warn("a process of the trial survives", "trial", w.trial.Number())
}

// line offers a line of output to all sources that read lines, until one has all metrics.
func (w *watch) line(line string) {
	enough := len(w.series[w.source]) == len(w.command.cfg.names())
	for _, s := range w.sources {
		if s.Name != w.source && enough {
			continue
		}
		if p, ok := s.Line(line); ok {
			w.add(s, p)
		}
	}
}

// look looks at the trial's folder, and reports whether any file has changed.
func (w *watch) look() (changed bool) {
	if w.files == nil {
		return false
	}
	began := time.Now()
	if changed = w.files.Look(w.add); changed {
		w.news = began
	}
	w.pause = time.Now().Add(min(20*time.Since(began), 30*time.Second)) // at most 5 % of a core
	return changed
}

// pending is how many points wait until it is clear which source counts. Then every second one is
// left out.
const pending = 1 << 16

// add keeps what a point has of the metrics.
func (w *watch) add(source *metrics.Source, p metrics.Point) {
	found := false
	var values []float64
	for i, name := range w.command.cfg.names() {
		value, ok := p.Values[name]
		if !ok {
			continue
		}
		found = true
		if w.series[source.Name] == nil {
			w.series[source.Name] = map[string]*series{}
		}
		s := w.series[source.Name][name]
		if s == nil {
			s = &series{best: math.NaN()}
			w.series[source.Name][name] = s
		}
		s.n, s.last = s.n+1, value
		if i >= len(w.command.cfg.Metrics) {
			continue
		}
		if w.command.cfg.Metrics[i].better(value, s.best) {
			s.best = value
		}
		if i == 0 && w.first.IsZero() {
			w.first = time.Now()
		}
		if values == nil {
			values = slices.Repeat([]float64{math.NaN()}, len(w.command.cfg.Metrics))
		}
		values[i] = value
	}
	if values != nil {
		w.wait(source.Name, sample{p.Step, values})
	}
	for name := range p.Values {
		if !found && len(w.seen) < 1000 && !metrics.IsStep(name) {
			w.seen[name] = true
		}
	}
}

// wait keeps a point for report, with what others of the same step have of other metrics.
func (w *watch) wait(source string, s sample) {
	if source != w.source && w.has(w.source) {
		return
	}
	points := w.points[source]
	if s.step < 0 { // a line without a step and without the first metric
		if len(points) == 0 {
			return
		}
		s.step = points[len(points)-1].step
	}
	if n := len(points); n > 0 && points[n-1].step == s.step && points[n-1].lacks(s) {
		for i, v := range s.values {
			if !math.IsNaN(v) {
				points[n-1].values[i] = v
			}
		}
		return
	}
	points = append(points, s)
	if len(points) == pending {
		for i := range pending / 2 {
			points[i] = points[2*i+1]
		}
		points = points[:pending/2]
	}
	w.points[source] = points
}

// lacks reports whether s has none of the metrics of t.
func (s sample) lacks(t sample) bool {
	for i, v := range t.values {
		if !math.IsNaN(v) && !math.IsNaN(s.values[i]) {
			return false
		}
	}
	return true
}

// judged reports whether a pruner can judge a sample: it has the metric of Config.Judge, or all.
func (w *watch) judged(s sample) bool {
	for i, m := range w.command.cfg.Metrics {
		if (w.command.cfg.Judge == "" || w.command.cfg.Judge == m.Name) && math.IsNaN(s.values[i]) {
			return false
		}
	}
	return true
}

// has reports whether a source has yielded the first metric.
func (w *watch) has(source string) bool { return w.of(source, w.command.cfg.Metrics[0].Name) != nil }

// of returns what a source has yielded of a metric, or nil.
func (w *watch) of(source, metric string) *series { return w.series[source][metric] }

// repeated reports whether a source has yielded the metric twice: a better one would have
// yielded it in between.
func (w *watch) repeated() bool {
	return slices.ContainsFunc(w.sources, func(s *metrics.Source) bool {
		return w.has(s.Name) && w.of(s.Name, w.command.cfg.Metrics[0].Name).n > 1
	})
}

// report reports the new points of the source that counts, once it is known: that
// of earlier trials, or the best one that yields the metric until it is there again.
func (w *watch) report(last bool) error {
	if w.source == "" || last && !w.has(w.source) {
		if w.first.IsZero() || !last && !w.repeated() && time.Since(w.first) < settle {
			return nil
		}
		w.look()
		i := slices.IndexFunc(w.sources, func(s *metrics.Source) bool { return w.has(s.Name) })
		w.source = w.sources[i].Name
	}
	if w.has(w.source) {
		w.command.choose(w.source)
	}
	points := w.points[w.source]
	w.points[w.source] = points[:0]
	several := len(w.command.cfg.Metrics) > 1
	for i, p := range points {
		if several && !last && i == len(points)-1 && !w.judged(p) {
			w.points[w.source] = append(points[:0], p) // more of the same step may come
			return nil
		}
		n := w.count
		if w.steps[p.step] || n >= allReported && p.step <= w.top { // a rewritten file or restarted program repeats it
			continue
		}
		w.top = max(w.top, p.step)
		w.count++
		if n%(1<<bits.Len(uint(n/allReported))) != 0 {
			continue
		}
		w.steps[p.step] = true
		if err := w.trial.Report(p.step, p.values...); err != nil {
			return err
		}
	}
	return nil
}

// finish reports what the program has left when it ended.
func (w *watch) finish() error {
	w.look()
	return w.report(true)
}
