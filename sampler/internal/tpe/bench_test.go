//go:build unix

package tpe

import (
	"fmt"
	"syscall"
	"testing"
	"time"

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

// processorTime returns the processor time of this process. Wall time would include other
// programs.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// step runs one trial on the sphere.
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
		u.Values[0] += (x - 1) * (x - 1)
	}
	log.Put(u)
}
