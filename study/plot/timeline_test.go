package plot_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func ran(number, from, to int) *trial.Trial {
	t := complete(number, 1)
	t.Start, t.End = noon.Add(time.Duration(from)*time.Second), noon.Add(time.Duration(to)*time.Second)
	return t
}

func TestTimelineFillsTheFirstFreeLane(t *testing.T) {
	running, skewed := ran(3, 6, 0), ran(4, 30, 0)
	running.State, running.End = trial.Running, time.Time{}
	skewed.State, skewed.End = trial.Running, time.Time{}
	never := &trial.Trial{Number: 6, State: trial.Failed}
	back := ran(5, 8, 7) // the clock went back
	h := historyOf(minimize, ran(1, 2, 4), ran(0, 0, 5), ran(2, 4, 6), running, skewed, back, never)
	p := plot.Timeline(h, noon.Add(10*time.Second))
	got, _ := json.Marshal(p)
	const want = `{"bars":[` +
		`{"trial":0,"state":"COMPLETE","feasible":true,"lane":0,"start":"2026-01-01T12:00:00Z","end":"2026-01-01T12:00:05Z"},` +
		`{"trial":1,"state":"COMPLETE","feasible":true,"lane":1,"start":"2026-01-01T12:00:02Z","end":"2026-01-01T12:00:04Z"},` +
		`{"trial":2,"state":"COMPLETE","feasible":true,"lane":1,"start":"2026-01-01T12:00:04Z","end":"2026-01-01T12:00:06Z"},` +
		`{"trial":3,"state":"RUNNING","feasible":true,"lane":0,"start":"2026-01-01T12:00:06Z","end":"2026-01-01T12:00:10Z"},` +
		`{"trial":4,"state":"RUNNING","feasible":true,"lane":0,"start":"2026-01-01T12:00:30Z","end":"2026-01-01T12:00:30Z"},` +
		`{"trial":5,"state":"COMPLETE","feasible":true,"lane":1,"start":"2026-01-01T12:00:08Z","end":"2026-01-01T12:00:08Z"}],` +
		`"lanes":2,"idle":[0.7,0.8666666666666667]}`
	if string(got) != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

// A lane holds one trial at a time, and there are as many lanes as trials that ran at once.
func TestTimelineLanes(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 5))
		var trials []*trial.Trial
		for i := range r.IntN(60) {
			from := r.IntN(100)
			trials = append(trials, ran(i, from, from+1+r.IntN(20)))
		}
		p := plot.Timeline(historyOf(minimize, trials...), noon)
		most := 0
		for _, a := range p.Bars {
			at := 0
			for _, b := range p.Bars {
				overlap := a.Start.Before(b.End) && b.Start.Before(a.End)
				if overlap && a.Lane == b.Lane && a.Trial != b.Trial {
					t.Fatalf("seed %d: trials %d and %d overlap in lane %d", seed, a.Trial, b.Trial, a.Lane)
				}
				if !b.Start.After(a.Start) && a.Start.Before(b.End) {
					at++
				}
			}
			most = max(most, at)
		}
		if p.Lanes != most || len(p.Idle) != p.Lanes {
			t.Errorf("seed %d: %d lanes, want %d", seed, p.Lanes, most)
		}
		for _, idle := range p.Idle {
			if idle < 0 || idle > 1 {
				t.Errorf("seed %d: a lane is idle for %v of the time", seed, idle)
			}
		}
	}
}

func TestTimelineOfOneInstant(t *testing.T) {
	p := plot.Timeline(historyOf(minimize, ran(0, 1, 1)), noon)
	if p.Lanes != 1 || len(p.Idle) != 1 || p.Idle[0] != 1 {
		t.Errorf("%d lanes, idle %v, want one that is always idle", p.Lanes, p.Idle)
	}
}
