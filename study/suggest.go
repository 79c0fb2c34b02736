package study

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Suggest returns the trial's value of a parameter, in the Go type of d. The first call for a name
// decides the value: the queued one, or the sampler's. Later calls return it again.
//
// It is an error, kept in the Trial, if d is invalid or does not contain the queued value, if the
// name has another distribution in this trial, or one of another kind or scale in an earlier trial.
// (Float and LogFloat differ in scale.) Choices may be appended to those of earlier trials.
func Suggest[T any](t *Trial, name string, d space.Domain[T]) T {
	x, ok := t.believe(name, intern(&t.study.dists, name, d.Dist()), space.BeliefOf(d))
	if !ok {
		var zero T
		return zero
	}
	return d.Decode(x)
}

// Float suggests a float in [low, high]. For steps, use Suggest.
func (t *Trial) Float(name string, low, high float64) float64 {
	return t.float(name, space.Float{Low: low, High: high})
}

// LogFloat suggests a float in [low, high], on a logarithmic scale.
func (t *Trial) LogFloat(name string, low, high float64) float64 {
	return t.float(name, space.Float{Low: low, High: high, Log: true})
}

// Int suggests an int in [low, high].
func (t *Trial) Int(name string, low, high int) int {
	return t.int(name, space.Int{Low: low, High: high})
}

// LogInt suggests an int in [low, high], on a logarithmic scale.
func (t *Trial) LogInt(name string, low, high int) int {
	return t.int(name, space.Int{Low: low, High: high, Log: true})
}

func (t *Trial) float(name string, d space.Float) float64 {
	x, _ := t.suggest(name, intern(&t.study.dists, name, d))
	return x
}

func (t *Trial) int(name string, d space.Int) int {
	x, _ := t.suggest(name, intern(&t.study.dists, name, d))
	return int(x)
}

// Categorical suggests one of the choices, which have no order. Choose takes choices of other
// types.
func (t *Trial) Categorical(name string, choices ...string) string {
	return Choose(t, name, choices...)
}

// Choose suggests one of the choices, which have no order, as Trial.Categorical does for strings.
func Choose[T space.Scalar](t *Trial, name string, choices ...T) T {
	return Suggest(t, name, space.Choose(choices...))
}

// SuggestAll suggests every parameter of Config.Space and returns the values, in external form, by
// name. It is an error of the trial if the study has no Config.Space. A Fixed trial returns its
// parameters.
func (t *Trial) SuggestAll() map[string]any {
	if _, fixed := t.study.cfg.Sampler.(noSampler); fixed {
		return maps.Clone(t.queued)
	}
	if t.study.cfg.Space == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.fail(setupError{errors.New("SuggestAll: Config.Space is nil, want the parameters to suggest")})
		return map[string]any{}
	}
	values := map[string]any{}
	for _, d := range t.study.cfg.Space {
		if x, ok := t.suggest(d.Name, intern(&t.study.dists, d.Name, d.Dist)); ok {
			values[d.Name] = d.Dist.External(x)
		}
	}
	return values
}

// believe is suggest with a belief, or nil.
func (t *Trial) believe(name string, d space.Dist, b *space.Belief) (x float64, ok bool) {
	if b != nil && !t.study.cfg.IgnoreBeliefs && d.Check() == nil {
		if err := t.study.beliefs.learn(name, d, b); err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.fail(fmt.Errorf("suggest %q: %w", name, setupError{err}))
			return d.Value(0), true
		}
	}
	return t.suggest(name, d)
}

// suggest returns a value of d and true, or false if d is invalid.
func (t *Trial) suggest(name string, d space.Dist) (x float64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := d.Check(); err != nil {
		t.fail(fmt.Errorf("suggest %q: %w", name, setupError{err}))
		return 0, false
	}
	if t.err == nil {
		x, err := t.decide(name, d)
		if err == nil {
			return x, true
		}
		t.fail(fmt.Errorf("suggest %q: %w", name, err))
	}
	return d.Value(0), true
}

// decide returns the value of the parameter, drawing it if it is new. The caller holds t.mu.
func (t *Trial) decide(name string, d space.Dist) (float64, error) {
	if t.over {
		return 0, t.errOver()
	}
	if i := slices.IndexFunc(t.record.now.Params, func(p trial.Param) bool { return p.Name == name }); i >= 0 {
		p := t.record.now.Params[i]
		if space.Equal(p.Dist, d) {
			return p.Value, nil
		}
		err := fmt.Errorf("%w in this trial: it is %v, want %v", ErrConflict, d, p.Dist)
		if i < t.inherited {
			return 0, err // an earlier worker drew it: the next trial is not affected
		}
		return 0, setupError{err}
	}
	if err := storage.CheckName("parameter name", name); err != nil {
		return 0, setupError{err}
	}
	if err := t.study.checkDeclared(name, d); err != nil {
		return 0, setupError{err}
	}
	known := t.study.dists.get(name)
	if known != nil && !space.Compatible(known, d) {
		return 0, setupError{fmt.Errorf("%w in an earlier trial: it is %v, want %s", ErrConflict, d, compatible(known))}
	}
	x, err := t.draw(name, d)
	if err != nil {
		return 0, err
	}
	// Only now is the name known to the study: after a failed draw, its distribution can be
	// corrected.
	t.noteRunning()
	t.record.change(func(now *trial.Trial) {
		if all := t.history.Finished(); now.Params == nil && len(all) > 0 {
			now.Params = make([]trial.Param, 0, len(all[len(all)-1].Params)) // a guess
		}
		// Snapshots share the array but end before the new element.
		now.Params = append(now.Params, trial.Param{Name: name, Value: x, Dist: d})
	})
	if known == nil || !space.Equal(known, d) {
		t.study.dists.set(name, d)
	}
	t.saveSoon(saveDelay)
	return x, nil
}

// checkDeclared returns an error if the parameter is not one of Config.Space.
func (s *Study) checkDeclared(name string, d space.Dist) error {
	if s.cfg.Space == nil {
		return nil
	}
	declared, ok := s.cfg.Space.Get(name)
	switch {
	case !ok:
		return errors.New("Config.Space does not declare it")
	case !space.Equal(declared, d):
		return fmt.Errorf("%w in Config.Space: it is %v, want %v", ErrConflict, d, declared)
	}
	return nil
}

// draw returns a new value: the queued one, the only one, the jointly drawn one, or one drawn
// alone.
func (t *Trial) draw(name string, d space.Dist) (float64, error) {
	if v, ok := t.queued[name]; ok {
		x, err := d.Internal(v)
		if err != nil {
			if _, fixed := t.study.cfg.Sampler.(noSampler); fixed {
				return 0, fmt.Errorf("as given to Fixed: %w", err)
			}
			return 0, fmt.Errorf("as queued: %w", err)
		}
		return x, nil
	}
	if d.Len() == 1 { // samplers never see a parameter without a choice
		return d.Value(0), nil
	}
	joint, ok := t.study.cfg.Sampler.(sampler.JointSampler)
	if ok && !t.asked {
		if err := t.drawJoint(joint); err != nil {
			return 0, setupError{err}
		}
	}
	if x, ok := t.joint[name]; ok && d.Contains(x) {
		return x, nil
	}
	x, err := t.study.cfg.Sampler.Sample(t.request(name), name, d)
	if err != nil {
		return 0, setupError{err}
	}
	if !d.Contains(x) {
		return 0, setupError{fmt.Errorf("the sampler drew %v, want %v", x, d)}
	}
	return x, nil
}

// drawJoint draws the joint parameters. The trials of one process take turns, so each knows what
// the ones before it are about to try. The caller holds t.mu.
func (t *Trial) drawJoint(joint sampler.JointSampler) error {
	t.study.drawing.Lock()
	defer t.study.drawing.Unlock()
	if t.fresh {
		t.running = t.split.beside(t.Number(), t.study.beside(t))
	}
	drawn, err := joint.SampleJoint(t.request(""))
	if err != nil {
		return err
	}
	t.joint, t.asked = drawn, true
	if len(drawn) > 0 {
		t.record.change(func(now *trial.Trial) { now.Joint = drawn })
	}
	return nil
}

// beside returns the trials that run at the same time as t: those that are running now, and those
// that have finished since t started, as if they were running.
func (s *Study) beside(t *Trial) []*trial.Trial {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLive()
	h := s.log.History()
	finished := h.Finished()[t.record.now.Seen:]
	if len(finished) == 0 {
		return h.Running() // by number already
	}
	all := slices.Clone(h.Running())
	for _, u := range finished {
		c := *u
		c.State, c.Values = trial.Running, nil
		all = append(all, &c)
	}
	slices.SortFunc(all, func(a, b *trial.Trial) int { return a.Number - b.Number })
	return all
}

// request returns a request for one draw. Reseeding one generator saves an allocation per draw.
func (t *Trial) request(name string) sampler.Request {
	t.source.Seed(random(t.study.cfg.Seed, t.Number(), name))
	return sampler.Request{History: t.history, Trial: &t.record.now, Rand: &t.rand, Running: t.look,
		Beliefs: t.study.beliefs.load()}
}
