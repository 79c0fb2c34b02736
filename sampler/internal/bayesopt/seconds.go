package bayesopt

import "github.com/bluefin-hpo/bluefin/sampler/internal/outcome"

// A price is less the logarithm of the seconds that a trial takes.
type price struct {
	places
	seconds *outcome.Seconds
}

// prices returns the term by which improvement becomes improvement per second; none if the model does not
// search by that, or nothing is known yet.
func (m *Model) prices(r Request, sp Space) []term {
	if !m.PerSecond {
		return nil
	}
	s := outcome.NewSeconds(r.History.Finished())
	if s == nil {
		return nil
	}
	return []term{{Term: price{newPlaces(sp, s.Space(), s.Place(r.Trial.Drawn)), s}, constraint: "seconds"}}
}

// Value implements gp.Term.
func (p price) Value(x []float64) float64 { return -p.seconds.LogAt(p.place(x), nil) }

// Gradient implements gp.Term.
func (p price) Gradient(x, grad []float64) float64 {
	z := p.place(x)
	slopes := make([]float64, len(z))
	value := -p.seconds.LogAt(z, slopes)
	p.add(grad, z, slopes, -1)
	return value
}
