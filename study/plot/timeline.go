package plot

import (
	"cmp"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A TimelinePlot shows when each trial ran.
type TimelinePlot struct {
	Bars  []Bar   `json:"bars"`  // by number; trials that never started are left out
	Lanes int     `json:"lanes"` // how many trials ran at once
	Idle  []Float `json:"idle"`  // the share of the time from the first start to the last end in which each lane ran nothing
}

// A Bar is a trial on a timeline.
type Bar struct {
	Trial    int       `json:"trial"`
	State    string    `json:"state"`
	Feasible bool      `json:"feasible"`
	Lane     int       `json:"lane"` // from 0: the first that was free when the trial started
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"` // of a running trial, the time that the caller gave as now; never before Start
}

// Timeline returns when each trial ran, and which could have been run by the same worker: a lane
// holds one trial at a time, and there are as few lanes as possible.
func Timeline(h trial.History, now time.Time) TimelinePlot {
	p := TimelinePlot{Bars: []Bar{}, Idle: []Float{}}
	for _, t := range everything(h) {
		if t.Start.IsZero() {
			continue
		}
		end := t.End
		if t.State == trial.Running {
			end = now
		}
		if end.Before(t.Start) { // the clock of another machine
			end = t.Start
		}
		p.Bars = append(p.Bars, Bar{t.Number, t.State.String(), feasible(t), 0, t.Start, end})
	}
	if len(p.Bars) == 0 {
		return p
	}

	order := make([]*Bar, len(p.Bars))
	for i := range p.Bars {
		order[i] = &p.Bars[i]
	}
	slices.SortStableFunc(order, func(a, b *Bar) int { return a.Start.Compare(b.Start) })
	var free []time.Time // since when each lane is free
	var busy []time.Duration
	for _, b := range order {
		b.Lane = slices.IndexFunc(free, func(since time.Time) bool { return !since.After(b.Start) })
		if b.Lane < 0 {
			b.Lane, free, busy = len(free), append(free, time.Time{}), append(busy, 0)
		}
		free[b.Lane] = b.End
		busy[b.Lane] += b.End.Sub(b.Start)
	}
	p.Lanes = len(free)
	span := slices.MaxFunc(free, time.Time.Compare).Sub(order[0].Start)
	for _, d := range busy {
		p.Idle = append(p.Idle, 1-Float(d)/Float(cmp.Or(span, 1)))
	}
	return p
}
