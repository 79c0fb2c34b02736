package sampler_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestQMCConforms(t *testing.T) {
	for _, s := range []sampler.QMC{{}, {Sequence: sampler.Halton}, {Plain: true}, {Sequence: sampler.Halton, Plain: true}, {Seed: 5}} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			samplertest.Run(t, func() sampler.Sampler { return s })
		})
	}
}

func TestPlainQMCIsTheReferencesSequence(t *testing.T) {
	type vectors struct {
		D      int
		Skip   int
		Points [][]float64
	}
	var file struct{ Sobol, Halton []vectors }
	oracle.Load(t, "qmc.json", &file)
	h := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for s, cases := range map[sampler.Sequence][]vectors{sampler.Sobol: file.Sobol, sampler.Halton: file.Halton} {
		for _, c := range cases {
			for i, want := range c.Points {
				u := begin(t, sampler.QMC{Sequence: s, Plain: true}, h, c.Skip+i, func(ask func(string, space.Dist) float64) {
					for k := range c.D {
						ask(fmt.Sprint(k), space.Float{Low: -1, High: 3})
					}
				})
				for k, p := range u.Params {
					if err := oracle.Near(p.Value, 4*want[k]-1, 1e-14); err != nil {
						t.Fatalf("%v of %d dimensions, trial %d, parameter %d: %v", s, c.D, u.Number, k, err)
					}
				}
			}
		}
	}
}

func TestWorkersOfQMCShareOneSequence(t *testing.T) {
	// 16 workers in any order, without a common history: each of the 256
	// values of an 8-bit grid comes once among the first 256 trials.
	for _, s := range []sampler.QMC{{}, {Seed: 1}, {Plain: true}} {
		seen := map[float64]bool{}
		for _, number := range rand.New(rand.NewPCG(1, 2)).Perm(256) {
			h := trial.NewLog([]trial.Direction{trial.Minimize}).History()
			u := begin(t, s, h, number, func(ask func(string, space.Dist) float64) {
				ask("first", space.Float{Low: 0, High: 1})
				ask("x", space.Int{Low: 0, High: 255})
			})
			seen[u.Params[1].Value] = true
		}
		if len(seen) != 256 {
			t.Errorf("%+v: 256 trials drew %d values, want each once", s, len(seen))
		}
	}
}

func TestQMCIgnoresTheRandomness(t *testing.T) {
	draw := func(seed uint64, s sampler.QMC) float64 {
		x, err := s.Sample(sampler.Request{Trial: &trial.Trial{Number: 7}, Rand: rand.New(rand.NewPCG(seed, 1))}, "x", space.Float{Low: 0, High: 1})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	if a, b := draw(1, sampler.QMC{}), draw(2, sampler.QMC{}); a != b {
		t.Errorf("drew %v and %v", a, b)
	}
	if a, b := draw(1, sampler.QMC{}), draw(1, sampler.QMC{Seed: 1}); a == b {
		t.Error("two seeds give the same point")
	}
	if a, b := draw(1, sampler.QMC{Sequence: sampler.Halton}), draw(1, sampler.QMC{Sequence: sampler.Halton, Seed: 1}); a == b {
		t.Error("two seeds of Halton give the same point")
	}
}

func TestQMCStaysEvenAmongTrialsWithAConditionalParameter(t *testing.T) {
	cells := map[int]map[int]int{0: {}, 1: {}} // kind → sixteenth of x → trials
	h := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for number := range 128 {
		u := begin(t, sampler.QMC{}, h, number, func(ask func(string, space.Dist) float64) {
			kind := ask("kind", space.Choose("a", "b").Dist())
			ask([]string{"left", "right"}[int(kind)], space.Float{Low: 0, High: 1})
		})
		cells[int(u.Params[0].Value)][int(u.Params[1].Value*16)]++
	}
	for kind, counts := range cells {
		for cell := range 16 {
			if counts[cell] != 4 {
				t.Errorf("kind %d: %d trials in sixteenth %d, want 4", kind, counts[cell], cell)
			}
		}
	}
}

func TestQMCRefuses(t *testing.T) {
	long := &trial.Trial{Params: make([]trial.Param, 1110)}
	if _, err := (sampler.QMC{}).Sample(sampler.Request{Trial: long}, "x", space.Float{High: 1}); err != nil {
		t.Errorf("parameter 1111: %v", err)
	}
	long.Params = make([]trial.Param, 1111)
	for _, c := range []struct {
		s    sampler.QMC
		t    *trial.Trial
		want string
	}{
		{sampler.QMC{}, long, `QMC draws "x" as parameter 1112, want at most 1111`},
		{sampler.QMC{Sequence: 2}, &trial.Trial{}, "QMC.Sequence is 2, want Sobol (0) or Halton (1)"},
	} {
		if _, err := c.s.Sample(sampler.Request{Trial: c.t}, "x", space.Float{High: 1}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}
