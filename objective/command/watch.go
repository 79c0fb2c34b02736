package command

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
	"github.com/bluefin-hpo/bluefin/study"
)

const (
	look   = 500 * time.Millisecond // between two looks at a trial's files
	settle = 10 * time.Second       // how long the first source waits for a better one

	allReported = 1000 // points that are all reported; of more, half in each doubling of this number
	linesRead   = 1000 // of output that need not have the metric's name, to learn what other names there are
)

// A sample is the metric in a point.
type sample struct {
	step  int
	value float64
}

// A watch follows one run of the program.
type watch struct {
	command *Command
	trial   *study.Trial
	out     output
	sources []*metrics.Source
	files   *metrics.Folder // nil: there is no folder
	lines   chan string

	points map[string][]sample // by source, as they came; those of files may come again
	told   map[string]int      // how many of them report has seen
	seen   map[string]bool     // names of other metrics
	first  time.Time           // when the metric was first seen
	source string              // the one that counts; "" until it is chosen
	steps  map[int]bool        // reported
	count  int                 // of points with new steps
	top    int                 // the highest step of them
	news   time.Time           // when a file last changed
	pause  time.Time           // until when the folder is not looked at
}

func (c *Command) watch(t *study.Trial, folder string) *watch {
	w := &watch{
		command: c, trial: t, sources: c.cfg.sources(), lines: make(chan string, 1024),
		points: map[string][]sample{}, told: map[string]int{}, seen: map[string]bool{}, steps: map[int]bool{},
		news: time.Now(),
	}
	if folder != "" {
		w.files = metrics.NewFolder(folder, w.sources, outputName)
	}
	part := c.cfg.Metric[strings.LastIndexByte(c.cfg.Metric, '.')+1:] // a nested name is not there as a whole
	n := 0
	w.out.line = func(line string) {
		if n++; n <= linesRead || c.cfg.Pattern != nil || strings.Contains(line, part) || strings.Contains(line, `\u`) {
			w.lines <- line
		}
	}
	w.out.last = time.Now()
	for _, r := range t.Reports() {
		w.steps[r.Step], w.top, w.count = true, max(w.top, r.Step), w.count+1
	}
	c.mu.Lock()
	w.source = c.source
	c.mu.Unlock()
	return w
}

// until reports what the program does until it ends, and returns nil; or why it
// must be stopped.
func (w *watch) until(ended <-chan struct{}) error {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	start := time.Now()
	for {
		select {
		case line := <-w.lines:
			w.line(line)
			if err := w.report(false); err != nil {
				return err
			}
		case <-ticks.C:
			if time.Now().After(w.pause) {
				w.look()
			}
			if err := w.report(false); err != nil {
				return err
			}
			if limit := w.command.cfg.TrialTimeout; limit > 0 && time.Since(start) > limit {
				return fmt.Errorf("the trial ran longer than %v%s", limit, w.out.end())
			}
			quiet := min(time.Since(w.out.lastAt()), time.Since(w.news))
			if limit := w.command.cfg.StallTimeout; limit > 0 && quiet > limit {
				return fmt.Errorf("the program printed and wrote nothing for %v%s", limit, w.out.end())
			}
		case <-w.trial.Context().Done():
			return context.Cause(w.trial.Context())
		case <-ended:
			return nil
		}
	}
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

// line offers a line of output to all sources that read lines.
func (w *watch) line(line string) {
	for _, s := range w.sources {
		if s.Name != w.source && len(w.points[w.source]) > 0 {
			continue
		}
		if p, ok := s.Line(line); ok {
			w.add(s, p)
		}
	}
}

// look looks at the trial's folder.
func (w *watch) look() {
	if w.files == nil {
		return
	}
	began := time.Now()
	if w.files.Look(w.add) {
		w.news = began
	}
	w.pause = time.Now().Add(min(20*time.Since(began), 30*time.Second)) // at most 5 % of a core
}

// add keeps a point if it has the metric.
func (w *watch) add(source *metrics.Source, p metrics.Point) {
	value, ok := p.Values[w.command.cfg.Metric]
	if !ok {
		for name := range p.Values {
			if len(w.seen) < 100 {
				w.seen[name] = true
			}
		}
		return
	}
	w.points[source.Name] = append(w.points[source.Name], sample{p.Step, value})
	if w.first.IsZero() {
		w.first = time.Now()
	}
}

// repeated reports whether a source has yielded the metric twice: a better one would have
// yielded it in between.
func (w *watch) repeated() bool {
	for _, points := range w.points {
		if len(points) > 1 {
			return true
		}
	}
	return false
}

// report reports the new points of the source that counts, once it is known: that
// of earlier trials, or the best one that yields the metric until it is there again.
func (w *watch) report(last bool) error {
	if w.source == "" || last && len(w.points[w.source]) == 0 {
		if w.first.IsZero() || !last && !w.repeated() && time.Since(w.first) < settle {
			return nil
		}
		w.look()
		i := slices.IndexFunc(w.sources, func(s *metrics.Source) bool { return len(w.points[s.Name]) > 0 })
		w.source = w.sources[i].Name
		w.command.choose(w.source)
	}
	points := w.points[w.source]
	for _, p := range points[min(w.told[w.source], len(points)):] {
		w.told[w.source]++
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
		if err := w.trial.Report(p.step, p.value); err != nil {
			return err
		}
	}
	return nil
}

// choose notes the source of the metric for later trials.
func (c *Command) choose(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == "" {
		c.source = name
		c.cfg.Logger.Info("found the metric", "metric", c.cfg.Metric, "source", name)
	}
}

// finish reports what the program has left when it ended.
func (w *watch) finish() error {
	w.look()
	return w.report(true)
}

// value returns the value of the trial. Files may have it with more digits than the output.
func (w *watch) value() (float64, error) {
	if len(w.points[w.source]) == 0 {
		others := "and nothing that looks like a metric"
		if len(w.seen) > 0 {
			others = "but " + strings.Join(slices.Sorted(maps.Keys(w.seen)), ", ")
		}
		return 0, fmt.Errorf("the program reported no %q, %s%s", w.command.cfg.Metric, others, w.out.end())
	}
	value := w.valueOf(w.source)
	for _, s := range w.sources {
		if s.Name == w.source || !s.Files() {
			break
		}
		if len(w.points[s.Name]) > 0 {
			if exact := w.valueOf(s.Name); math.Abs(exact-value) <= 0.01*math.Abs(value) {
				return exact, nil
			}
		}
	}
	return value, nil
}

// valueOf returns the last or best value from a source.
func (w *watch) valueOf(source string) float64 {
	cfg, points := w.command.cfg, w.points[source]
	best := points[len(points)-1].value
	for _, p := range points {
		if v := p.value; cfg.Best && (cfg.Maximize && v > best || !cfg.Maximize && v < best || math.IsNaN(best)) {
			best = v
		}
	}
	return best
}
