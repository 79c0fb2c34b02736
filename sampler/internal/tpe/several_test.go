//go:build unix

package tpe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BenchmarkSeveral measures one ask and tell of a study of TPE's own trials with several objectives:
// how far each parameter but those of a point is from 1, and how far that point is from each corner.
func BenchmarkSeveral(b *testing.B) {
	for _, m := range []int{2, 3} {
		for _, n := range []int{100, 1000, 3000} {
			b.Run(fmt.Sprintf("%d objectives, trial %d", m, n), func(b *testing.B) {
				sp, s := floats(5, space.Float{Low: 0, High: 1}), &Search{}
				log := trial.NewLog(make([]trial.Direction, m))
				for range n {
					stepSeveral(b, s, log, sp, m)
				}
				before := processorTime(b)
				for b.Loop() {
					stepSeveral(b, s, log, sp, m)
				}
				b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// stepSeveral runs one trial with m objectives.
func stepSeveral(b *testing.B, s *Search, log *trial.Log, sp space.Space, m int) {
	number := len(log.History().Finished())
	r := request(log, number, 1)
	u := &trial.Trial{Number: number, State: trial.Complete, Values: make([]float64, m)}
	for _, d := range sp {
		x, err := s.Sample(r, d.Name, d.Dist)
		if err != nil {
			b.Fatal(err)
		}
		u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
	}
	for k := range m {
		for i, p := range u.Params {
			target := 0.5
			if i == k && i < m {
				target = 1
			}
			u.Values[k] += (p.Value - target) * (p.Value - target)
		}
	}
	log.Put(u)
}

// The good trials of a growing history are those of the plain rules, also for workers that are behind.
func TestFrontsChooseAsThePlainRules(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for m := 2; m <= 4; m++ {
		directions := make([]trial.Direction, m)
		directions[1] = trial.Maximize
		log := trial.NewLog(directions)
		f := newHistory(log.History(), (&Search{}).rules(m))
		for number := range 300 {
			u := &trial.Trial{Number: number, State: trial.Complete, Values: make([]float64, m)}
			for k := range u.Values {
				u.Values[k] = math.Round(r.NormFloat64() * 20)
			}
			switch r.IntN(10) {
			case 0:
				u.State, u.Values = trial.Failed, nil
			case 1:
				u.State, u.Values = trial.Pruned, nil
			case 2:
				u.Constraints = map[string]float64{"c": r.Float64()}
			}
			log.Put(u)
			f.advance(log.History())
			for _, behind := range []int{0, 0, 3} {
				seen := max(number+1-behind, 0)
				var ranked, got []*trial.Trial
				for _, t := range log.History().Finished()[:seen] {
					if t.State != trial.Failed {
						ranked = append(ranked, t)
					}
				}
				for _, i := range f.good(seen) {
					got = append(got, f.all[i])
				}
				want := best(ranked, directions, f.rules.size(len(ranked)))
				slices.SortFunc(got, byNumber)
				slices.SortFunc(want, byNumber)
				if !slices.Equal(got, want) {
					t.Fatalf("%d objectives, after %d trials: good are %v, want %v", m, seen, numbers(got), numbers(want))
				}
			}
		}
	}
}
