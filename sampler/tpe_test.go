package sampler

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

var minimize = []trial.Direction{trial.Minimize}

// request asks for trial number with the randomness of (seed, number).
func request(log *trial.Log, number int, seed uint64) Request {
	return NewRequest(log.History(), &trial.Trial{Number: number}, rand.New(rand.NewPCG(seed, uint64(number))))
}

func median(ys []float64) float64 {
	slices.Sort(ys)
	n := len(ys)
	return (ys[(n-1)/2] + ys[n/2]) / 2
}

func TestTPERefusesSettingsOutOfRange(t *testing.T) {
	for field, tpe := range map[string]*TPE{
		"StartupTrials is -1": {StartupTrials: -1},
		"Candidates is -3":    {Candidates: -3},
	} {
		_, err := tpe.SampleJoint(request(trial.NewLog(minimize), 0, 1))
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("SampleJoint: error is %v, want one that says %q", err, field)
		}
		_, err = tpe.Sample(request(trial.NewLog(minimize), 0, 1), "x", space.Float{Low: 0, High: 1})
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("Sample: error is %v, want one that says %q", err, field)
		}
	}
}

// In narrow ranges of large numbers and in wide ranges, neighbours may share a coordinate. That must
// not make the search for an untried point endless.
func TestSamplersReturnWhateverTheRange(t *testing.T) {
	for _, d := range []space.Int{
		{Low: 1 << 48, High: 1<<48 + 4, Log: true},
		{Low: 1<<53 - 4, High: 1 << 53, Log: true},
		{Low: 1<<53 - 4, High: 1 << 53},
		{Low: -1 << 53, High: 1 << 53},
		{Low: 1, High: 1 << 53, Log: true},
		{Low: 0, High: 1 << 41},
	} {
		for _, s := range []interface {
			Sample(Request, string, space.Dist) (float64, error)
			SampleJoint(Request) (map[string]float64, error)
		}{&TPE{}, &GP{}, &CMAES{}, &Auto{}} {
			log := trial.NewLog(minimize)
			seen := map[float64]bool{}
			for number := range 30 {
				joint, err := s.SampleJoint(request(log, number, 1))
				x, ok := joint["n"]
				if err == nil && !ok {
					x, err = s.Sample(request(log, number, 2), "n", d)
				}
				if err != nil || !d.Contains(x) {
					t.Fatalf("%T drew %v from %v, %v", s, x, d, err)
				}
				seen[x] = true
				log.Put(&trial.Trial{Number: number, State: trial.Complete, Values: []float64{x}, Params: []trial.Param{{Name: "n", Value: x, Dist: d}}})
			}
			if want := min(d.Len(), 20); len(seen) < want {
				if _, repeats := s.(*CMAES); !repeats {
					t.Errorf("%T drew %d of %v in 30 trials, want at least %d", s, len(seen), d, want)
				}
			}
		}
	}
}
