// Package wild makes random histories for tests: whatever is in one, nothing may panic or hang.
package wild

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// numbers are those that break sums, ranges and ticks.
var numbers = []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-300, 5e-324, math.MaxFloat64, -math.MaxFloat64, 1e308, 1e15, 1e15 + 1,
	math.Nextafter(1, 2), math.Inf(1), math.Inf(-1), math.NaN()}

// number is one of them, or a plain one.
func number(r *rand.Rand) float64 {
	if r.IntN(3) == 0 {
		return numbers[r.IntN(len(numbers))]
	}
	return r.NormFloat64()
}

// dist is a distribution of any kind.
func dist(r *rand.Rand) space.Dist {
	low := math.Max(math.Abs(number(r)), 5e-324)
	choices := []any{nil, true, "a\x00\u202e<b>", 1, 1.5, "", strings.Repeat("long ", 300)}[:1+r.IntN(7)]
	all := []space.Dist{space.Float{Low: low, High: math.MaxFloat64, Log: true}, space.Float{High: 1}, space.Float{Low: 1, High: 1},
		space.Float{Low: -math.MaxFloat64 / 4, High: math.MaxFloat64 / 4}, space.Int{Low: math.MinInt32, High: math.MaxInt32},
		space.Int{Low: 1, High: 1 << 40, Log: true}, space.Int{Low: 1, High: 99, Step: 7}, space.Categorical{Choices: choices}}
	if d := all[r.IntN(len(all))]; d.Check() == nil {
		return d
	}
	return space.Float{High: 1}
}

// History returns what careless programs may have saved in a study: numbers at the ends of their range,
// parameters that change, clocks that go back, trials that lack things.
func History(r *rand.Rand, objectives int) trial.History {
	directions := make([]trial.Direction, objectives)
	for i := range directions {
		directions[i] = []trial.Direction{trial.Minimize, trial.Maximize}[r.IntN(2)]
	}
	log := trial.NewLog(directions)
	n := []int{0, 1, 2, 3, 5, 12, 40}[r.IntN(7)]
	names := []string{"x", "", "a\nb\x00", "\u202e\xff", strings.Repeat("y", 500)}[:1+r.IntN(5)]
	steady, same := r.IntN(2) == 0, r.IntN(4) == 0
	dists := map[string]space.Dist{}
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		t := &trial.Trial{Number: i * (1 + r.IntN(2)*i), State: trial.Complete, UserAttrs: map[string]json.RawMessage{}}
		if r.IntN(8) > 0 {
			t.Start = began.Add(time.Duration(r.Int64N(int64(100 * 24 * time.Hour))))
			t.End = t.Start.Add(time.Duration(r.Int64N(int64(time.Hour))) - time.Minute) // clocks go back
		}
		for _, name := range names {
			if r.IntN(5) == 0 {
				continue
			}
			if d := dist(r); !steady || dists[name] == nil {
				dists[name] = d
			}
			d := dists[name]
			t.Params = append(t.Params, trial.Param{Name: name, Value: d.Value(r.Float64()), Dist: d})
		}
		for range r.IntN(6) {
			t.Reports = append(t.Reports, trial.Report{Step: len(t.Reports) * (1 + r.IntN(1<<30)), Value: number(r)})
		}
		for range objectives {
			v := number(r)
			if same {
				v = numbers[i%2]
			}
			if math.IsNaN(v) {
				v = math.Inf(1) // complete trials have none
			}
			t.Values = append(t.Values, v)
		}
		switch r.IntN(8) {
		case 0:
			t.State, t.Values = trial.Running, nil
		case 1:
			t.State, t.Values = trial.Failed, nil
		case 2:
			t.State = trial.Pruned
			t.Values = nil
		case 3:
			t.Constraints = map[string]float64{"c": number(r)}
		case 4:
			t.UserAttrs["loss_by_epoch"] = json.RawMessage([]string{`[[1,2],[null,3]]`, `{}`, `[[1e308,-1e308]]`, `[]`, `[[1]]`, `"x"`}[r.IntN(6)])
		}
		log.Put(t)
	}
	return log.History()
}
