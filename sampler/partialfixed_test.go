package sampler_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestPartialFixedConforms(t *testing.T) {
	for name, newSampler := range map[string]func() sampler.Sampler{
		"zero value": func() sampler.Sampler { return sampler.PartialFixed{} },
		"around TPE": func() sampler.Sampler { return sampler.PartialFixed{Sampler: &sampler.TPE{}} },
		"with a value": func() sampler.Sampler {
			return sampler.PartialFixed{Values: map[string]any{"always": 0.5}, Sampler: &sampler.TPE{}}
		},
	} {
		t.Run(name, func(t *testing.T) { samplertest.Run(t, newSampler) })
	}
}

// A fixedJoint always draws the same.
type fixedJoint struct {
	values map[string]float64
	err    error
}

func (s *fixedJoint) SampleJoint(sampler.Request) (map[string]float64, error) { return s.values, s.err }

func (s *fixedJoint) Sample(sampler.Request, string, space.Dist) (float64, error) { return 0.25, nil }

func TestPartialFixedFixesAndLeavesTheRest(t *testing.T) {
	inside := &fixedJoint{values: map[string]float64{"a": 1, "b": 2}}
	s := sampler.PartialFixed{Values: map[string]any{"b": "y", "c": 7}, Sampler: inside}
	r := sampler.Request{Trial: &trial.Trial{}, Rand: rand.New(rand.NewPCG(1, 2))}
	drawn, err := s.SampleJoint(r)
	if err != nil || !maps.Equal(drawn, map[string]float64{"a": 1}) {
		t.Errorf("drew (%v, %v) jointly, want a alone", drawn, err)
	}
	if len(inside.values) != 2 {
		t.Error("the map of the sampler inside has changed")
	}
	for name, c := range map[string]struct {
		d    space.Dist
		want float64
	}{
		"b": {space.Choose("x", "y").Dist(), 1},
		"c": {space.Int{Low: 0, High: 10}, 7},
		"d": {space.Float{Low: 0, High: 1}, 0.25},
	} {
		if x, err := s.Sample(r, name, c.d); err != nil || x != c.want {
			t.Errorf("%s: drew (%v, %v), want %v", name, x, err, c.want)
		}
	}
	if _, err := s.Sample(r, "c", space.Int{Low: 0, High: 5}); err == nil || !strings.Contains(err.Error(), `PartialFixed.Values["c"]: invalid: value is 7, want an int in [0, 5]`) {
		t.Errorf("error is %v", err)
	}
	inside.err = errors.New("inside")
	if _, err := s.SampleJoint(r); err == nil {
		t.Error("the error of the sampler inside is lost")
	}
}

func TestPartialFixedAroundASamplerThatIsNotJoint(t *testing.T) {
	s := sampler.PartialFixed{Values: map[string]any{"x": 0.5}, Sampler: sampler.QMC{Plain: true}}
	r := sampler.Request{Trial: &trial.Trial{Number: 1}}
	if drawn, err := s.SampleJoint(r); err != nil || len(drawn) != 0 {
		t.Errorf("drew (%v, %v) jointly, want nothing", drawn, err)
	}
	if x, err := s.Sample(r, "y", space.Float{Low: 0, High: 1}); err != nil || x != 0.5 {
		t.Errorf("drew (%v, %v), want 0.5, the second point of the sequence", x, err)
	}
}
