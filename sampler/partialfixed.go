package sampler

import (
	"fmt"
	"maps"

	"github.com/bluefin-hpo/bluefin/space"
)

// PartialFixed gives some parameters the same value in every trial and leaves the rest
// to another sampler, to continue in a part of the space. The other sampler sees all
// trials, including earlier ones with other values.
type PartialFixed struct {
	// Values holds the fixed parameters by name, in external form. A trial fails if
	// its distribution does not contain the value.
	Values map[string]any

	// Sampler draws the other parameters, jointly if it can. It must be safe for
	// concurrent use; nil: Random.
	Sampler Sampler
}

// SampleJoint draws what Sampler draws jointly, without the fixed parameters. Its
// errors are Sampler's.
func (s PartialFixed) SampleJoint(r Request) (map[string]float64, error) {
	joint, ok := s.Sampler.(JointSampler)
	if !ok {
		return nil, nil
	}
	drawn, err := joint.SampleJoint(r)
	drawn = maps.Clone(drawn)
	maps.DeleteFunc(drawn, func(name string, _ float64) bool { _, fixed := s.Values[name]; return fixed })
	return drawn, err
}

// Sample returns the fixed value, or what Sampler draws, in internal form. It fails if d
// does not contain the fixed value, and where Sampler does.
func (s PartialFixed) Sample(r Request, name string, d space.Dist) (float64, error) {
	v, fixed := s.Values[name]
	if !fixed {
		return orRandom(s.Sampler).Sample(r, name, d)
	}
	x, err := d.Internal(v)
	if err != nil {
		return 0, fmt.Errorf("PartialFixed.Values[%q]: %w", name, err)
	}
	return x, nil
}
