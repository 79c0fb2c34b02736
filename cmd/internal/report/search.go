package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Param is a parameter that trials have.
type Param struct {
	Name   string
	Dists  []space.Dist // those that trials drew from, the latest last
	Trials int          // how many have it
}

// params returns the parameters of all trials that have started, in the order in which they appeared.
func params(h trial.History) (all []Param) {
	place := map[string]int{}
	for _, t := range slices.Concat(h.Finished(), h.Running()) {
		for _, p := range t.Params {
			i, ok := place[p.Name]
			if !ok {
				i = len(all)
				place[p.Name] = i
				all = append(all, Param{Name: p.Name})
			}
			all[i].Trials++
			if !slices.ContainsFunc(all[i].Dists, func(d space.Dist) bool { return space.Equal(d, p.Dist) }) {
				all[i].Dists = append(all[i].Dists, p.Dist)
			}
		}
	}
	return all
}

// A Tally counts trials.
type Tally struct {
	Complete, Pruned, Failed, Infeasible, Running, Waiting, Paused int
	Queued                                                         int // finished ones with settings from the queue
}

// Finished is the number of trials that ended.
func (t Tally) Finished() int { return t.Complete + t.Pruned + t.Failed + t.Infeasible }

// tally counts the trials. An infeasible one counts as that only.
func (s Source) tally() (n Tally) {
	for _, t := range s.History.Finished() {
		if _, ok := t.SystemAttrs[sysattr.FixedParams]; ok {
			n.Queued++
		}
		switch {
		case t.Violation() > 0:
			n.Infeasible++
		case t.State == trial.Complete:
			n.Complete++
		case t.State == trial.Pruned:
			n.Pruned++
		default:
			n.Failed++
		}
	}
	n.Running, n.Waiting, n.Paused = len(s.History.Running()), s.Waiting, s.Paused
	return n
}

// text is the count in words.
func (t Tally) text() Text {
	total := t.Finished() + t.Running + t.Waiting + t.Paused
	if total == 0 {
		return say("The study has no trial yet.")
	}
	var parts []Text
	for _, part := range []struct {
		n    int
		what string
	}{{t.Complete, "complete"}, {t.Pruned, "pruned"}, {t.Infeasible, "infeasible"}, {t.Failed, "failed"},
		{t.Running, "running"}, {t.Waiting, "waiting"}, {t.Paused, "paused"}} {
		switch {
		case part.n == total && total == 1:
			return say("The study has one trial, which is %s.", part.what)
		case part.n == total:
			return say("The study has %s trials, all of them %s.", count(total), part.what)
		case part.n > 0:
			parts = append(parts, say("%s %s", count(part.n), part.what))
		}
	}
	return say("The study has %s trials: %v.", count(total), list(parts, 9))
}

// A Period is the time in which trials ran.
type Period struct {
	First, Last time.Time     // the first start and the last end; the latter is now while trials run
	Work        time.Duration // of all trials together
	AtOnce      int           // the most trials that ran at the same time
}

// period returns when the trials ran, and whether any has started.
func (s Source) period() (p Period, ok bool) {
	type event struct {
		at   time.Time
		more int
	}
	var events []event
	for _, t := range slices.Concat(s.History.Finished(), s.History.Running()) {
		if t.Start.IsZero() {
			continue
		}
		end := t.End
		if end.IsZero() || end.Before(t.Start) {
			end = s.Now
		}
		p.Work += end.Sub(t.Start)
		events = append(events, event{t.Start, 1}, event{end, -1})
	}
	if len(events) == 0 {
		return p, false
	}
	// Of equal times the ends come first.
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), a.more-b.more) })
	p.First, p.Last = events[0].at, events[len(events)-1].at
	running := 0
	for _, e := range events {
		running += e.more
		p.AtOnce = max(p.AtOnce, running)
	}
	return p, true
}

// text is the period in words.
func (p Period) text() Text {
	first, last := p.First.UTC(), p.Last.UTC()
	const day, minute = "2 January 2006", "15:04"
	when := "from " + first.Format(day+", "+minute) + " to " + last.Format(day+", "+minute)
	switch {
	case first.Truncate(time.Minute).Equal(last.Truncate(time.Minute)):
		when = "on " + first.Format(day) + " at " + first.Format(minute)
	case first.Format(day) == last.Format(day):
		when = "on " + first.Format(day) + " from " + first.Format(minute) + " to " + last.Format(minute)
	}
	if p.AtOnce == 1 {
		return say("The trials ran %s UTC, one at a time, in %s.", when, duration(p.Last.Sub(p.First)))
	}
	return say("The trials ran %s UTC, at most %d at once: %s of trials in %s.", when, p.AtOnce, duration(p.Work),
		duration(p.Last.Sub(p.First)))
}

// searched tells what was searched.
func (s Source) searched() Section {
	n := s.tally()
	section := Section{Title: "What was searched", Text: []Text{append(s.goal(), n.text()...)}}
	if p, ok := s.period(); ok {
		section.Text = append(section.Text, append(p.text(), s.method(n)...))
	}
	all := params(s.History)
	if len(all) == 0 {
		return section
	}
	started := n.Finished() + n.Running
	conditional := slices.ContainsFunc(all, func(p Param) bool { return p.Trials < started })
	t := Table{Left: 3, Head: []Text{say("Parameter"), say("Values"), say("Scale")}}
	if conditional {
		t.Head = append(t.Head, say("Trials with it"))
	}
	for _, p := range all {
		values, scale := describe(p.Dists[len(p.Dists)-1])
		if n := len(p.Dists); n > 1 {
			values = append(values, say(" (the last of %d ranges)", n)...)
		}
		row := []Text{say("%v", name(p.Name)), values, say("%s", scale)}
		if conditional {
			row = append(row, say("%s", count(p.Trials)))
		}
		t.Rows = append(t.Rows, row)
	}
	section.Tables = []Table{t}
	return section
}

// goal names the objectives.
func (s Source) goal() Text {
	var goals []Text
	for i, d := range s.History.Directions() {
		goals = append(goals, say("%s %v", d, name(s.Names[i])))
	}
	by := ""
	if s.Program != "" {
		by = " of " + s.Program
	}
	on := ""
	if s.Training {
		on = " on the validation data"
	}
	return say("This study%s searched for the settings that %v%s. ", by, list(goals, 9), on)
}

// method names the sampler and the pruner.
func (s Source) method(n Tally) Text {
	var t Text
	switch {
	case s.Sampler != "" && s.Pruner != "" && s.Pruner != "none":
		t = say(" The sampler %v drew their settings, and the pruner %v stopped poor ones early.", name(s.Sampler), name(s.Pruner))
	case s.Sampler != "":
		t = say(" The sampler %v drew their settings.", name(s.Sampler))
	}
	if n.Queued > 0 {
		t = append(t, say(" %s from the queue instead.", queued(n.Queued))...)
	}
	return t
}

func queued(n int) string {
	if n == 1 {
		return "One trial took its settings"
	}
	return counted(n, "trial") + " took theirs"
}

// describe shows the values of a distribution, and their scale.
func describe(d space.Dist) (values Text, scale string) {
	g := func(x float64) string { return minus(fmt.Sprintf("%g", x)) }
	switch d := d.(type) {
	case space.Float:
		values, scale = say("%s to %s", g(d.Low), g(d.High)), "linear"
		if d.Step != 0 {
			scale = "in steps of " + g(d.Step)
		}
		if d.Log {
			scale = "logarithmic"
		}
	case space.Int:
		values, scale = say("%s to %s, whole numbers", g(float64(d.Low)), g(float64(d.High))), "linear"
		if d.Step > 1 {
			scale = fmt.Sprintf("in steps of %d", d.Step)
		}
		if d.Log {
			scale = "logarithmic"
		}
	case space.Categorical:
		var all []Text
		for i := range d.Choices {
			all = append(all, value(trial.Param{Value: float64(i), Dist: d}))
		}
		values, scale = list(all, 12), "choice"
	}
	return values, scale
}
