//go:build unix

package tpe

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BenchmarkTPE measures one ask and tell, in a study of random trials or of TPE's own, which lie
// much closer together.
func BenchmarkTPE(b *testing.B) {
	for _, c := range []struct {
		name string
		tpe  func() *Search
		own  bool
		sp   space.Space
	}{
		{"5 floats, random", func() *Search { return &Search{} }, false, floats(5, space.Float{Low: -5, High: 5})},
		{"5 floats", func() *Search { return &Search{} }, true, floats(5, space.Float{Low: -5, High: 5})},
		{"5 floats one at a time", func() *Search { return &Search{Independent: true} }, true, floats(5, space.Float{Low: -5, High: 5})},
		{"10 floats", func() *Search { return &Search{} }, true, floats(10, space.Float{Low: -5, High: 5})},
		{"40 floats", func() *Search { return &Search{} }, true, floats(40, space.Float{Low: -5, High: 5})},
		{"5 steps", func() *Search { return &Search{} }, true, floats(5, space.Float{Low: -5, High: 5, Step: 0.25})},
		{"5 ints on a logarithmic scale", func() *Search { return &Search{} }, true, five(space.Int{Low: 1, High: 1000, Log: true})},
		{"6 mixed", func() *Search { return &Search{} }, true, mixed},
		{"6 mixed, Optuna's rules", func() *Search { return &Search{Optuna: true} }, true, mixed},
		{"5 floats, Optuna's rules", func() *Search { return &Search{Optuna: true} }, true, floats(5, space.Float{Low: -5, High: 5})},
	} {
		for _, n := range []int{100, 1000, 5000, 100_000} {
			if n > 5000 && (len(c.sp) > 5 || c.tpe().Independent) {
				continue // takes minutes to get there
			}
			b.Run(fmt.Sprintf("%s, trial %d", c.name, n), func(b *testing.B) {
				s := c.tpe()
				log := study(n, 1, c.sp, minimize)
				if c.own {
					log = trial.NewLog(minimize)
					for range n {
						step(b, s, log, c.sp)
					}
				}
				step(b, s, log, c.sp)
				b.ReportAllocs()
				before := processorTime(b)
				for b.Loop() {
					step(b, s, log, c.sp)
				}
				b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// five is a space of five equal parameters.
func five(d space.Dist) space.Space {
	var dims []space.Dimension
	for i := range 5 {
		dims = append(dims, space.Dimension{Name: fmt.Sprintf("x%d", i), Dist: d})
	}
	return space.Must(space.New(dims...))
}

// mixed is a space as trainings have it.
var mixed = space.Must(space.New(
	space.Dimension{Name: "batch", Dist: space.Int{Low: 4, High: 256, Log: true}},
	space.Dimension{Name: "decay", Dist: space.Float{Low: 0.5, High: 1.5, Step: 0.1}},
	space.Dimension{Name: "layers", Dist: space.Int{Low: 1, High: 12}},
	space.Dimension{Name: "lr", Dist: space.Float{Low: 1e-6, High: 1e-2, Log: true}},
	space.Dimension{Name: "method", Dist: space.Choose("a", "b", "c").Dist()},
	space.Dimension{Name: "schedule", Dist: space.Choose("a", "b", "c", "d").Dist()},
))

// loss is what a parameter adds to the objective. It is least within each range.
func loss(d space.Dist, x float64) float64 {
	if f, ok := d.(space.Float); ok && !f.Log {
		return (x - 1) * (x - 1)
	}
	u := cube.Unit(d, x) - 0.6
	return u * u
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

// step runs one trial.
func step(b *testing.B, s *Search, log *trial.Log, sp space.Space) {
	number := len(log.History().Finished())
	r := request(log, number, 1)
	joint, err := s.SampleJoint(r)
	if err != nil {
		b.Fatal(err)
	}
	u := &trial.Trial{Number: number, State: trial.Complete, Params: make([]trial.Param, len(sp)), Values: []float64{0}}
	for i, d := range sp {
		x, ok := joint[d.Name]
		if !ok {
			if x, err = s.Sample(r, d.Name, d.Dist); err != nil {
				b.Fatal(err)
			}
		}
		u.Params[i] = trial.Param{Name: d.Name, Value: x, Dist: d.Dist}
		u.Values[0] += loss(d.Dist, x)
	}
	log.Put(u)
}
