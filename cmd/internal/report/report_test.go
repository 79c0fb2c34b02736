package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

var start = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// complete returns a trial that ran for a minute, after those with lower numbers.
func complete(number int, x float64, values ...float64) *trial.Trial {
	return &trial.Trial{
		Number: number, State: trial.Complete, Values: values,
		Params: []trial.Param{{Name: "x", Value: x, Dist: space.Float{High: 100}}},
		Start:  start.Add(time.Duration(number) * time.Minute), End: start.Add(time.Duration(number+1) * time.Minute),
	}
}

// first marks a trial as one from the queue.
func first(t *trial.Trial) *trial.Trial {
	t.SystemAttrs = map[string]json.RawMessage{sysattr.FixedParams: json.RawMessage(`{}`)}
	return t
}

func failed(number int, reason string) *trial.Trial {
	t := complete(number, 1)
	t.State = trial.Failed
	text, _ := json.Marshal(reason)
	t.SystemAttrs = map[string]json.RawMessage{sysattr.Failure: text}
	return t
}

func reported(t *trial.Trial, state trial.State, steps int) *trial.Trial {
	t.State = state
	for i := range steps {
		t.Reports = append(t.Reports, trial.Report{Step: i + 1, Value: 1 / float64(i+1)})
	}
	return t
}

func source(directions []trial.Direction, trials ...*trial.Trial) Source {
	log := trial.NewLog(directions)
	for _, t := range trials {
		log.Put(t)
	}
	names := []string{"loss", "size", "time"}
	return Source{Study: "s", History: log.History(), Names: names[:len(directions)], Step: "epoch",
		First: "the recommended settings", Version: "v1", Now: start.Add(24 * time.Hour)}
}

var minimize = []trial.Direction{trial.Minimize}

// words returns the report as Markdown on one line, in which sentences are easy to find.
func words(t *testing.T, s Source) string {
	t.Helper()
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Markdown(&b, r); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestTheGainIsComparedWithTheSpreadOfRepeats(t *testing.T) {
	// Two settings with two trials each: the pooled variance is (0.02 + 0.02)/2.
	trials := []*trial.Trial{first(complete(0, 1, 2.0)), complete(1, 1, 2.2), complete(2, 5, 1.0), complete(3, 5, 1.2)}
	f := find(source(minimize, trials...))
	if f.Chosen.Number != 2 || f.First.Number != 0 || f.Second.Number != 3 || f.Later != 1 {
		t.Errorf("found trials %d, %d and %d, and %d later ones", f.Chosen.Number, f.First.Number, f.Second.Number, f.Later)
	}
	if sd := math.Sqrt(0.02); f.Spread.Settings != 2 || f.Spread.Trials != 4 || math.Abs(f.Spread.SD-sd) > 1e-12 {
		t.Errorf("the spread is %+v, want a standard deviation of %v", f.Spread, sd)
	}
	// Student's 97.5 % quantile with 2 degrees of freedom is 4.3027 in every table.
	if want := 1 - 4.3027*math.Sqrt(0.02); math.Abs(f.Gain.Low-want) > 1e-4 || math.Abs(f.Gain.Absolute-1) > 1e-12 ||
		math.Abs(f.Gain.Relative-1/2.1) > 1e-12 {
		t.Errorf("the gain is %+v, want a lower end of %v", f.Gain, want)
	}
	for _, c := range []struct {
		best float64
		want string
	}{
		{1.0, "The gain is beyond that spread (95 % interval 0.3915 to 1.6085)."},
		{1.8, "The gain is within that spread"},
	} {
		trials[2].Values[0], trials[3].Values[0] = c.best, c.best+0.2
		if got := words(t, source(minimize, trials...)); !strings.Contains(got, c.want) {
			t.Errorf("with a best of %v, want %q in: %s", c.best, c.want, got)
		}
	}
}

func TestTheSummaryIsHonest(t *testing.T) {
	many := []*trial.Trial{first(complete(0, 50, 2))}
	for i := 1; i < 20; i++ {
		many = append(many, complete(i, float64(i), 2-float64(i%10)/10))
	}
	training := source(minimize, many...)
	training.OneSeed = true
	up := source([]trial.Direction{trial.Maximize}, first(complete(0, 1, 0.8)), complete(1, 2, 0.9))
	noFirst := source(minimize, complete(0, 1, 2), complete(1, 2, 1))
	for name, c := range map[string]struct {
		s    Source
		want []string
	}{
		"better": {source(minimize, many...), []string{
			"The best of 20 finished trials is trial 9, with `loss` 1.1000. That is 0.9000 (45 %) lower than the recommended " +
				"settings (trial 0: 2.0000).", "No settings have two results, so the spread of the values is unknown",
			"The 10 trials that finished after it brought no improvement."}},
		"one seed": {training, []string{"Every trial started from the same seed"}},
		"higher": {up, []string{"That is 0.1000 (12 %) higher than the recommended settings (trial 0: 0.8000).",
			"With only 2 usable trials, take this as a first impression."}},
		"nothing better": {source(minimize, first(complete(0, 1, 1)), complete(1, 2, 2)),
			[]string{"Those are the recommended settings: the search found nothing better."}},
		"first failed": {source(minimize, first(failed(0, "no")), complete(1, 2, 2)),
			[]string{"It cannot be compared with the recommended settings, because trial 0 gave no result."}},
		"first from zero": {source(minimize, first(complete(0, 1, 0)), complete(1, 2, -1)),
			[]string{"That is 1.0000 lower than the recommended settings (trial 0: 0.0000)."}},
		"nothing queued": {noFirst, []string{"is trial 1, with `loss` 1.0000. With only"}},
	} {
		got := words(t, c.s)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: want %q in: %s", name, want, got)
			}
		}
	}
	if got := words(t, noFirst); strings.Contains(got, "recommended") {
		t.Errorf("trial 0 was not queued, but: %s", got)
	}
}

func TestEveryStudyHasAReport(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	running := &trial.Trial{Number: 0, Start: start}
	infeasible := complete(1, 1, 5)
	infeasible.Constraints = map[string]float64{"memory": 2}
	conditional := complete(1, 1, 5)
	conditional.Params = append(conditional.Params,
		trial.Param{Name: "momentum", Value: 0.9, Dist: space.Float{High: 1}},
		trial.Param{Name: "kind", Value: 1, Dist: space.Categorical{Choices: []any{nil, "", "adam|w", true}}})
	waiting := source(minimize)
	waiting.Waiting = 3
	for name, c := range map[string]struct {
		s    Source
		want string
	}{
		"none":          {source(minimize), "No trial has finished, so there is nothing to report yet. The study has no trial yet."},
		"only waiting":  {waiting, "The study has 3 trials, all of them waiting."},
		"only running":  {source(minimize, running), "The study has one trial, which is running."},
		"only failures": {source(minimize, failed(0, "out of luck"), failed(1, "out of luck")), "Every trial that ended has failed"},
		"only pruned":   {source(minimize, reported(complete(0, 1), trial.Pruned, 2)), "No trial gives a result"},
		"NaN":           {source(minimize, complete(0, 1, nan), complete(1, 1, inf)), "No trial gives a result"},
		"NaN and one":   {source(minimize, complete(0, 1, nan), complete(1, 1, 3)), "is trial 1, with `loss` 3.0000."},
		"infeasible":    {source(minimize, complete(0, 1, 7), infeasible), "is trial 0, with `loss` 7.0000."},
		"conditional":   {source(minimize, complete(0, 1, 7), conditional), "| `momentum` | 0 to 1 | linear | 1 |"},
		"odd choices":   {source(minimize, complete(0, 1, 7), conditional), "none, (empty), adam&#124;w and true"},
		"one trial":     {source(minimize, complete(0, 1, 7)), "The best of 1 finished trial is trial 0"},
		"huge": {source(minimize, first(complete(0, 1, 1e300)), complete(1, 2, -1e300)),
			"with `loss` −1e+300. That is 2e+300 lower"},
		"two objectives": {source([]trial.Direction{trial.Minimize, trial.Maximize}, first(complete(0, 1, 2, 1)),
			complete(1, 2, 1, 1), complete(2, 3, 3, 5), complete(3, 4, 2, nan)),
			"The recommended settings (trial 0) are not on the front; at least as good in everything: trial 1."},
		"a front of one": {source([]trial.Direction{trial.Minimize, trial.Minimize}, complete(0, 1, 2, 1), complete(1, 2, 1, 1)),
			"Of 2 trials with a result, trial 1 is at least as good as every other in `loss` and `size`."},
		"three objectives": {source([]trial.Direction{0, 0, 0}, complete(0, 1, 2, 1, 3), complete(1, 2, 1, 3, 3)),
			"The Pareto front has 2 of 2 trials with a result"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := words(t, c.s); !strings.Contains(got, c.want) {
				t.Errorf("want %q in: %s", c.want, got)
			}
			r, err := New(c.s)
			if err == nil {
				err = HTML(new(bytes.Buffer), r)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFailuresAreGroupedByReason(t *testing.T) {
	infeasible := failed(5, "CUDA out of memory: 3.2 GB")
	infeasible.State, infeasible.Constraints = trial.Pruned, map[string]float64{"memory": 1}
	s := source(minimize, failed(0, "exit status 1 after 12.5 s"), failed(1, "no metric"), failed(2, "exit status 1 after 3 s"),
		complete(3, 1, 1), failed(4, ""), infeasible, failed(6, "panic: x\ngoroutine 7"), failed(7, "panic: x\ngoroutine 8"))
	got := failures(s.History)
	var shown []string
	for _, f := range got {
		shown = append(shown, fmt.Sprintf("%q %v %d %d", f.Reason, f.Infeasible, len(f.Trials), f.Trials[0].Number))
	}
	want := []string{`"exit status 1 after 12.5 s" false 2 0`, `"panic: x" false 2 6`, `"no metric" false 1 1`,
		`"" false 1 4`, `"CUDA out of memory: 3.2 GB" true 1 5`}
	if !slices.Equal(shown, want) {
		t.Errorf("the failures are %q, want %q", shown, want)
	}
	page := words(t, s)
	for _, want := range []string{"Of 8 finished trials, 6 failed and 1 violated a constraint.", "| No reason is saved. | 1 | 4 |",
		"| Infeasible: `CUDA out of memory: 3.2 GB` | 1 | 5 |"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in: %s", want, page)
		}
	}
}

func TestPruningSavesSteps(t *testing.T) {
	s := source(minimize, reported(complete(0, 1, 1), trial.Complete, 10), reported(complete(1, 2, 2), trial.Complete, 10),
		reported(complete(2, 3, 3), trial.Complete, 12), reported(complete(3, 3), trial.Pruned, 2),
		reported(complete(4, 3), trial.Pruned, 4))
	if got, want := pruning(s.History), (Pruned{Trials: 2, Steps: 6, Full: 10, Saved: 14, All: 38}); got != want {
		t.Errorf("pruning is %+v, want %+v", got, want)
	}
	want := "2 of 5 finished trials (40 %) stopped early, after 3 epochs on average. A usual complete trial has 10 epochs, so " +
		"pruning saved about 14 epochs, 27 % of what the search would have taken without it."
	if got := words(t, s); !strings.Contains(got, want) {
		t.Errorf("want %q in: %s", want, got)
	}
}

func TestThePeriodCountsTrialsAtOnce(t *testing.T) {
	trials := []*trial.Trial{complete(0, 1, 1), complete(1, 1, 1), complete(2, 1, 1)}
	s := source(minimize, trials...)
	p, ok := s.period()
	if !ok || p.AtOnce != 1 || p.Work != 3*time.Minute || !p.Last.Equal(start.Add(3*time.Minute)) {
		t.Errorf("one after the other: %+v", p)
	}
	trials[2].Start = start
	if p, _ := s.period(); p.AtOnce != 2 || p.Work != 5*time.Minute {
		t.Errorf("two at once: %+v", p)
	}
	running := source(minimize, trials[0], &trial.Trial{Number: 1, Start: start})
	if p, _ := running.period(); !p.Last.Equal(running.Now) {
		t.Errorf("while a trial runs, the period ends at %v, want now", p.Last)
	}
}
