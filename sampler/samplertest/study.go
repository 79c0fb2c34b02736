package samplertest

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A study is a minimal engine that calls a sampler as the real one does.
type study struct {
	log     *trial.Log
	sampler sampler.Sampler
	seed    uint64
	next    int // number of the next trial
}

// newStudy returns a study without trials.
func newStudy(s sampler.Sampler, seed uint64, directions ...trial.Direction) *study {
	return &study{log: trial.NewLog(directions), sampler: s, seed: seed}
}

// A run is a trial while its objective draws parameters.
type run struct {
	t       *testing.T
	study   *study
	history trial.History
	joint   map[string]float64
	trial   *trial.Trial
}

// randomness is a function of the seed, the trial and the parameter.
func randomness(seed uint64, number int, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed^h.Sum64(), uint64(number)))
}

// run runs the next trial and logs it.
func (s *study) run(t *testing.T, objective func(*run)) *trial.Trial {
	t.Helper()
	u := &run{t: t, study: s, trial: &trial.Trial{Number: s.next, State: trial.Running}}
	u.trial.Seen = len(s.log.History().Finished())
	s.next++
	s.log.Put(copyOf(u.trial)) // a trial is running when it asks
	u.history = s.log.History()
	if joint, ok := s.sampler.(sampler.JointSampler); ok {
		var err error
		if u.joint, err = joint.SampleJoint(u.request("")); err != nil {
			t.Fatalf("trial %d: a sampler must serve every valid request, but SampleJoint failed: %v", u.trial.Number, err)
		}
	}
	objective(u)
	s.log.Put(u.trial)
	return u.trial
}

// request has copies, so the sampler cannot change the trial.
func (u *run) request(name string) sampler.Request {
	return sampler.NewRequest(u.history, copyOf(u.trial), randomness(u.study.seed, u.trial.Number, name))
}

// suggest draws a parameter in internal form.
func (u *run) suggest(name string, d space.Dist) float64 {
	u.t.Helper()
	x, ok := u.joint[name]
	// Rule: a joint sampler knows the space from the history alone.
	if known, in := u.history.RankedSpace().Get(name); ok && in && !known.Contains(x) {
		u.t.Fatalf("trial %d, %s: SampleJoint must draw values that the distribution in the history contains, but drew %v for %v",
			u.trial.Number, name, x, known)
	}
	// As in the engine: what the joint draw lacks, or has out of range, is drawn by Sample.
	if !ok || !d.Contains(x) {
		var err error
		if x, err = u.study.sampler.Sample(u.request(name), name, d); err != nil {
			u.t.Fatalf("trial %d, %s: a sampler must serve every valid request, but Sample failed: %v",
				u.trial.Number, name, err)
		}
		if !d.Contains(x) {
			u.t.Fatalf("trial %d, %s: Sample must draw values that the distribution contains, but drew %v for %v",
				u.trial.Number, name, x, d)
		}
	}
	u.trial.Params = append(u.trial.Params, trial.Param{Name: name, Value: x, Dist: d})
	return x
}

// complete ends the trial with values.
func (u *run) complete(values ...float64) {
	u.trial.State, u.trial.Values = trial.Complete, values
}

// report adds reports at steps from 0 on.
func (u *run) report(values ...float64) {
	for step, v := range values {
		u.trial.Reports = append(u.trial.Reports, trial.Report{Step: step, Value: v})
	}
}

// anyOutcome ends the trial in a random way, or leaves it running. Its value is sign·f with a random
// f.
func (u *run) anyOutcome(sign float64) {
	r := randomness(u.study.seed, u.trial.Number, "outcome")
	f := sign * r.NormFloat64()
	if r.IntN(3) == 0 {
		u.trial.Constraints = map[string]float64{"c": r.NormFloat64(), "d": -1}
	}
	switch r.IntN(16) {
	case 0:
		u.trial.State = trial.Failed
	case 1: // still running
	case 2:
		u.trial.State = trial.Pruned // before its first report
	case 3:
		u.report(f, math.NaN())
		u.trial.State = trial.Pruned
	case 4, 5:
		u.report(f, f/2)
		u.trial.State, u.trial.Values = trial.Pruned, []float64{f / 2}
	case 6:
		u.complete(math.Inf(int(sign)))
	case 7:
		u.complete(math.Inf(-int(sign)))
	case 8:
		u.complete(0) // equal to others
	default:
		u.report(f)
		u.complete(f)
	}
}

// copyOf shares nothing that the trial still changes.
func copyOf(t *trial.Trial) *trial.Trial {
	c := *t
	c.Params = append([]trial.Param(nil), t.Params...)
	return &c
}
