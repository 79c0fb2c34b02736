//go:build unix

package bayesopt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BenchmarkDraw measures draws of a model around trial n in a search of its own, fits included.
func BenchmarkDraw(b *testing.B) {
	var sp space.Space
	for i := range 5 {
		sp = append(sp, space.Dimension{Name: fmt.Sprintf("x%d", i), Dist: space.Float{Low: -5, High: 5}})
	}
	for _, n := range []int{50, 100, 200} {
		b.Run(fmt.Sprintf("trial %d", n), func(b *testing.B) {
			var spent time.Duration
			draws := 0
			for b.Loop() {
				log := trial.NewLog([]trial.Direction{trial.Minimize})
				m := &Model{}
				before := processorTime(b)
				for k := range n + n/10 {
					if k == n-n/10 {
						before = processorTime(b)
					}
					r := rand.New(rand.NewPCG(1, uint64(k)))
					t := &trial.Trial{Number: k, State: trial.Complete, Values: []float64{0}}
					drawn := map[string]float64{}
					if k >= 10 {
						h := log.History()
						drawn = m.Draw(Request{History: h, Trial: &trial.Trial{Number: k}, Rand: r,
							Running: func() []*trial.Trial { return nil }}, SpaceOf(h))
					}
					for i, d := range sp {
						x, ok := drawn[d.Name]
						if !ok {
							x = d.Dist.Value(r.Float64())
						}
						t.Params = append(t.Params, trial.Param{Name: d.Name, Dist: d.Dist, Value: x})
						t.Values[0] += math.Pow(10, float64(i)/2) * (x - 1) * (x - 1) * (1.2 + math.Sin(3*x))
					}
					log.Put(t)
				}
				spent += processorTime(b) - before
				draws += 2 * (n / 10)
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(draws), "cpu-µs/draw")
		})
	}
}

// processorTime returns the processor time of this process. Wall time would include other
// programs.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
