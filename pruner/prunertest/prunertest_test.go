package prunertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// function is a pruner without state.
type function func(h trial.History, t *trial.Trial) (pruner.Verdict, error)

func (f function) Prune(h trial.History, t *trial.Trial) (pruner.Verdict, error) { return f(h, t) }

func verdict(prune bool) (pruner.Verdict, error) { return pruner.Verdict{Prune: prune}, nil }

func attr(name, text string) (pruner.Verdict, error) {
	return pruner.Verdict{Attrs: map[string]json.RawMessage{name: json.RawMessage(text)}}, nil
}

// worse stops what is worse than the best complete trial at its last report.
func worse(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
	best, ok := h.Best()
	last, reported := t.LastReport()
	return verdict(ok && reported && h.Directions()[0].Better(best.Values[0], last.Value))
}

// counting stops every seventh trial that it is asked about.
type counting struct{ n atomic.Int64 }

func (c *counting) Prune(trial.History, *trial.Trial) (pruner.Verdict, error) {
	return verdict(c.n.Add(1)%7 == 0)
}

// sharing keeps its argument where other goroutines put theirs.
type sharing struct{ last atomic.Pointer[trial.Trial] }

func (s *sharing) Prune(_ trial.History, t *trial.Trial) (pruner.Verdict, error) {
	s.last.Store(t)
	for range 3 {
		runtime.Gosched()
	}
	return verdict(s.last.Load().Number%7 == 0)
}

// splitting has the given brackets.
type splitting struct {
	function
	brackets func() pruner.Bracketing
}

func (s splitting) Bracketing(trial.History) pruner.Bracketing { return s.brackets() }

type byPointer struct{ n int }

func (b *byPointer) Bracket(number int) int { return number % b.n }

type bySlice []int

func (b bySlice) Bracket(number int) int { return b[number%len(b)] }

type belowZero struct{}

func (belowZero) Bracket(number int) int { return -number }

// broken lists pruners that break a rule.
var broken = map[string][]func() pruner.Pruner{
	"every study of one objective is served": {
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) { return verdict(t.Reports[0].Value > 99) }),
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
			return verdict(len(h.Finished()[0].Reports) > 99)
		}),
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
			if last, _ := t.LastReport(); math.IsNaN(last.Value) {
				return pruner.Verdict{}, errors.New("the report is NaN")
			}
			return verdict(false)
		}),
	},
	"the same question gets the same verdict": {func() pruner.Pruner { return &counting{} }},
	"the history and the trial are not modified": {
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
			slices.SortFunc(t.Reports, func(a, b trial.Report) int { return b.Step - a.Step })
			return verdict(false)
		}),
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
			_ = append(t.Reports, trial.Report{Step: 1, Value: 1})
			return verdict(false)
		}),
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
			slices.Reverse(h.Finished())
			return verdict(false)
		}),
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
			slices.Reverse(h.Running())
			return verdict(false)
		}),
	},
	"goroutines do not disturb each other": {func() pruner.Pruner { return &sharing{} }},
	"a trial does not compete with itself": {stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
		reports := 0
		for _, u := range h.Running() {
			reports += len(u.Reports)
		}
		return verdict(reports%9 == 5)
	})},
	"attributes are JSON": {
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) { return attr("mark", "seen") }),
		stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) { return attr("", "1") }),
	},
	"brackets follow from the history": {
		func() pruner.Pruner { return splitting{worse, func() pruner.Bracketing { return &byPointer{3} }} },
		func() pruner.Pruner { return splitting{worse, func() pruner.Bracketing { return bySlice{1, 2} }} },
		func() pruner.Pruner { return splitting{worse, func() pruner.Bracketing { return belowZero{} }} },
	},
	"several objectives are served or refused": {stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
		if len(h.Directions()) > 1 {
			panic("several objectives")
		}
		return verdict(false)
	})},
	"maximizing f is minimizing -f": {stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
		last, _ := t.LastReport()
		return verdict(last.Value > 2)
	})},
	"the best trial is not stopped": {stateless(func(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
		v, err := worse(h, t)
		return pruner.Verdict{Prune: !v.Prune}, err
	})},
	"the worst trial is stopped": {func() pruner.Pruner { return keepAll{} }},
}

func stateless(f function) func() pruner.Pruner { return func() pruner.Pruner { return f } }

// recorder keeps the messages of a test that fails.
type recorder struct {
	testing.TB
	messages chan string
}

func (r recorder) Helper()      {}
func (r recorder) Failed() bool { return len(r.messages) > 0 }
func (r recorder) Errorf(format string, args ...any) {
	select {
	case r.messages <- fmt.Sprintf(format, args...):
	default:
	}
}
func (r recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// failure returns the first message of a check, "" if it passes.
func failure(t *testing.T, r rule, newPruner func() pruner.Pruner) string {
	record, done := recorder{TB: t, messages: make(chan string, 1)}, make(chan bool)
	go func() {
		defer close(done)
		r.check(record, newPruner)
	}()
	<-done
	close(record.messages)
	return <-record.messages
}

func TestEveryRuleFindsWhoBreaksIt(t *testing.T) {
	rules := slices.Concat(always(), comparing())
	if len(broken) != len(rules) {
		t.Errorf("pruners break %d rules, want all %d: %v", len(broken), len(rules), slices.Sorted(maps.Keys(broken)))
	}
	for _, r := range rules {
		for i, newPruner := range broken[r.name] {
			message := failure(t, r, newPruner)
			if !strings.Contains(message, "must") {
				t.Errorf("%s, pruner %d: the message is %q, want one that states what must be", r.name, i, message)
			}
			t.Logf("%s: %s", r.name, message)
		}
		if message := failure(t, r, stateless(worse)); message != "" {
			t.Errorf("%s: a good pruner fails with %q", r.name, message)
		}
	}
}
