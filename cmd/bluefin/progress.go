package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// quiet is how long a trial runs before a line shows that it has started, and the least time between
// lines about its epochs.
const quiet = 3 * time.Second

// progress shows each trial as it ends, and what a long one does before.
type progress struct {
	w      io.Writer
	width  func() int // of a line; a terminal may be resized
	quiet  time.Duration
	total  int
	metric string
	step   string // the name of a step
	better func(a, b float64) bool
	order  []byte // has the names of parameters, as in the JSON of an object

	mu      sync.Mutex // guards the following
	best    *trial.Trial
	columns []column // of the parameters, in order
}

// A column has the values of one parameter.
type column struct {
	name  string
	width int
}

// begin shows what the study has from earlier runs.
func (p *progress) begin(ctx context.Context, s *study.Study) error {
	trials, err := s.Trials(ctx)
	if err != nil {
		return err
	}
	finished := countFinished(trials)
	switch {
	case finished >= p.total:
		message.Fprintf(p.w, "Study %q already has %s. A larger --trials resumes it.\n", s.Name(),
			counted(finished, "trial"))
	case finished > 0:
		message.Fprintf(p.w, "Study %q resumes with %d of %d trials finished.\n", s.Name(), finished, p.total)
	}
	if best, err := s.Best(ctx); err == nil {
		p.best = best
	}
	return nil
}

// watched returns objective with lines about trials that take long.
func (p *progress) watched(objective study.Objective) study.Objective {
	return func(live *study.Trial) (float64, error) {
		// Reports of a trial that starts are those of its checkpoint.
		if reports := live.Reports(); len(reports) > 0 {
			p.line(fmt.Sprintf("  Trial %d resumes from its checkpoint of %s %d.", live.Number(), p.step,
				reports[len(reports)-1].Step))
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			p.watch(live, stop)
		}()
		defer func() {
			close(stop)
			<-stopped
		}()
		return objective(live)
	}
}

// watch shows that a trial has started, and its reports, if it takes long.
func (p *progress) watch(live *study.Trial, stop <-chan struct{}) {
	tick := time.NewTicker(max(p.quiet/10, time.Millisecond))
	defer tick.Stop()
	began, last, shown := time.Now(), time.Now(), len(live.Reports())
	first := true
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			if now.Sub(last) < p.quiet {
				continue
			}
			if first {
				first, last = false, now
				p.line(p.head(" ", live.Number(), "started") + "  " + p.settings(live.Params()))
				continue
			}
			reports := live.Reports()
			if len(reports) <= shown {
				continue
			}
			r := reports[len(reports)-1]
			shown, last = len(reports), now
			p.line(fmt.Sprintf("%s  %s %s %d, %s so far", p.head(" ", live.Number(), "running"), p.value(r.Value),
				p.step, r.Step, shortTime(now.Sub(began))))
		}
	}
}

// settings shows parameters in their order.
func (p *progress) settings(params map[string]any) string {
	var names []string
	for name := range params {
		names = append(names, name)
	}
	at := func(name string) int { return bytes.Index(p.order, []byte(`"`+name+`"`)) }
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(at(a), at(b)), cmp.Compare(a, b)) })
	for i, name := range names {
		names[i] = name + "=" + shortValue(params[name])
	}
	return strings.Join(names, " ")
}

// ended shows a trial that has ended, with its value and parameters in columns. The names of the columns
// come first, and again when a parameter is new.
func (p *progress) ended(t *trial.Trial) {
	p.mu.Lock()
	value, mark := "-", " "
	if len(t.Values) == 1 {
		value = shownValue(t.Values[0])
	}
	if t.State == trial.Complete && p.gain(t.Values[0]) {
		p.best, mark = t, "*"
	}
	known := len(p.columns)
	rest := p.cells(t.Params)
	names := ""
	if len(p.columns) > known {
		for _, c := range p.columns {
			names += text.Pad(shortName(c.name), c.width+1, ' ')
		}
	}
	p.mu.Unlock()

	how := shortTime(t.Duration())
	if last, reported := t.LastReport(); t.State == trial.Pruned && reported {
		how = fmt.Sprintf("%s %d", p.step, last.Step)
	}
	line := fmt.Sprintf("%s  %s %-7s %8s  ", p.head(mark, t.Number, strings.ToLower(t.State.String())), p.metric, value,
		how)
	if names != "" {
		p.line(strings.Repeat(" ", text.StringWidthWithoutEscSequences(message.Visible(line))) + names)
	}
	if t.State == trial.Failed {
		reason := "(" + failureLine(t) + ")"
		if text.StringWidthWithoutEscSequences(message.Visible(line+reason)) <= p.width() {
			rest = reason
		} else { // too long: a line of its own, which is not cut off
			defer message.Fprintf(p.w, "    %s\n", reason)
		}
	}
	p.line(line + rest)
}

// gain reports whether a value is better than the best so far, and looks better: a star beside an equal
// number would puzzle.
func (p *progress) gain(value float64) bool {
	return p.best == nil || p.better(value, p.best.Values[0]) && shownValue(value) != shownValue(p.best.Values[0])
}

// shownValue shows a value with the digits by which trials differ.
func shownValue(x float64) string { return fmt.Sprintf("%.4f", x) }

func (p *progress) value(x float64) string { return fmt.Sprintf("%s %-7s", p.metric, shownValue(x)) }

// head begins every line about a trial, so lines align.
func (p *progress) head(mark string, number int, state string) string {
	return fmt.Sprintf("%s trial %3d/%d  %-8s", mark, number, p.total, state)
}

// shortName heads a column whose values are shorter than the parameter's name.
func shortName(name string) string {
	short := map[string]string{
		"learning_rate": "lr", "batch_size": "batch", "num_train_epochs": "epochs", "weight_decay": "decay",
		"lr_scheduler_type": "schedule", "warmup_ratio": "warmup", "frozen_layers": "frozen",
		"layerwise_lr_decay":     "lr_decay",
		"label_smoothing_factor": "smooth",
	}
	return cmp.Or(short[name], name)
}

// cells shows the values of the parameters that are searched, each below the name of its column.
func (p *progress) cells(params []trial.Param) string {
	values := map[string]string{}
	for _, param := range params {
		if param.Dist.Len() == 1 {
			continue
		}
		values[param.Name] = shortValue(param.External())
		i := slices.IndexFunc(p.columns, func(c column) bool { return c.name == param.Name })
		if i < 0 {
			i = len(p.columns)
			p.columns = append(p.columns, column{param.Name, max(widest(param.Dist), len(shortName(param.Name)))})
		}
		p.columns[i].width = max(p.columns[i].width, text.StringWidthWithoutEscSequences(values[param.Name]))
	}
	var b strings.Builder
	for _, c := range p.columns {
		b.WriteString(text.Pad(values[c.name], c.width+1, ' '))
	}
	return strings.TrimRight(b.String(), " ")
}

// widest is how many characters the values of a parameter take.
func widest(d space.Dist) int {
	switch d := d.(type) {
	case space.Int:
		return len(fmt.Sprint(d.High))
	case space.Categorical:
		w := 0
		for _, choice := range d.Choices {
			w = max(w, text.StringWidthWithoutEscSequences(shortValue(choice)))
		}
		return w
	}
	return len("9.57e-05")
}

// line prints one line, cut to the width.
func (p *progress) line(s string) {
	message.Fprintf(p.w, "%s\n", text.Snip(strings.TrimRight(message.Visible(s), " "), p.width(), "…"))
}
