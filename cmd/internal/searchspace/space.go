// Package searchspace is a search space as data: parameters that exist only under a condition, and
// constraints between parameters, both written as expressions.
package searchspace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// A Param is one parameter.
type Param struct {
	Name string
	Dist space.Dist

	Belief *space.Belief // nil: none

	If *Expr // the trial has the parameter only where this is true; nil: always

	// Values are what the program gets in place of the choices of Dist, such as lists, which cannot
	// be choices. nil: the choices.
	Values []any

	// Path is where the program finds the parameter in nested parameters. nil: at Name.
	Path []string
}

// A Space is a search space. A parameter comes after those that its condition mentions.
type Space struct {
	Params      []Param
	Constraints []*Expr
}

// Sort puts parameters after those that their conditions mention and otherwise keeps their order. It
// is an error if conditions form a circle.
func Sort(params []Param) ([]Param, error) {
	var sorted []Param
	done := map[string]bool{}
	for len(sorted) < len(params) {
		i := slices.IndexFunc(params, func(p Param) bool {
			return !done[p.Name] && (p.If == nil || !slices.ContainsFunc(p.If.Names, func(n string) bool { return !done[n] }))
		})
		if i < 0 {
			var circle []string
			for _, p := range params {
				if !done[p.Name] {
					circle = append(circle, p.Name)
				}
			}
			return nil, fmt.Errorf("the conditions of %s form a circle", strings.Join(circle, ", "))
		}
		done[params[i].Name] = true
		sorted = append(sorted, params[i])
	}
	return sorted, nil
}

// Walk asks value for each parameter that exists given the earlier ones, in order, and returns the
// values in external form. It stops at the first error of value or of a condition.
func (s Space) Walk(value func(p Param) (any, error)) (map[string]any, error) {
	values := map[string]any{}
	for _, p := range s.Params {
		if p.If != nil {
			exists, known, err := p.If.Holds(values)
			if err != nil {
				return nil, fmt.Errorf("condition of parameter %q: %w", p.Name, err)
			}
			if !exists || !known {
				continue
			}
		}
		v, err := value(p)
		if err != nil {
			return nil, err
		}
		values[p.Name] = v
	}
	return values, nil
}

// Violated returns the first constraint that the values of a trial violate, or nil. A constraint about
// a parameter that the trial does not have is satisfied.
func (s Space) Violated(values map[string]any) (*Expr, error) {
	for _, c := range s.Constraints {
		holds, known, err := c.Holds(values)
		if err != nil {
			return nil, fmt.Errorf("constraint %w", err)
		}
		if known && !holds {
			return c, nil
		}
	}
	return nil, nil
}

// Suggest suggests the parameters of a trial and returns them as the program gets them. Parameters
// that violate a constraint were queued: that is an error, and the program must not run.
func (s Space) Suggest(t *study.Trial) (map[string]any, error) {
	values, err := s.Walk(func(p Param) (any, error) {
		v := study.Suggest[any](t, p.Name, domain{p})
		return v, t.Err()
	})
	if err != nil {
		return nil, err
	}
	violated, err := s.Violated(values)
	if err != nil {
		return nil, err
	}
	if violated != nil {
		return nil, fmt.Errorf("%w: the constraint %q does not hold", study.ErrInfeasible, violated)
	}
	return s.program(values)
}

// program returns values as the program gets them.
func (s Space) program(values map[string]any) (map[string]any, error) {
	nested := map[string]any{}
	for _, p := range s.Params {
		v, ok := values[p.Name]
		if !ok {
			continue
		}
		if p.Values != nil {
			x, err := p.Dist.Internal(v)
			if err != nil {
				return nil, err
			}
			v = p.Values[int(x)]
		}
		at := nested
		path := p.Path
		if path == nil {
			path = []string{p.Name}
		}
		for _, key := range path[:len(path)-1] {
			next, ok := at[key].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[key] = next
			}
			at = next
		}
		at[path[len(path)-1]] = v
	}
	return nested, nil
}

// Of returns a space of parameters without conditions.
func Of(dims []space.Dimension) (s Space) {
	for _, d := range dims {
		s.Params = append(s.Params, Param{Name: d.Name, Dist: d.Dist, Belief: d.Belief})
	}
	return s
}

// Dimensions returns the parameters without conditions, in order.
func (s Space) Dimensions() []space.Dimension {
	var all []space.Dimension
	for _, p := range s.Params {
		all = append(all, space.Dimension{Name: p.Name, Dist: p.Dist, Belief: p.Belief})
	}
	return all
}

// Check returns an error if the given values, of some parameters, are not in the space.
func (s Space) Check(values map[string]any) error {
	for name := range values {
		if !slices.ContainsFunc(s.Params, func(p Param) bool { return p.Name == name }) {
			return fmt.Errorf("%q is no parameter", name)
		}
	}
	return s.CheckSome(values)
}

// CheckSome is Check for values that may also be of parameters that the space does not have.
func (s Space) CheckSome(values map[string]any) error {
	for _, p := range s.Params {
		if v, ok := values[p.Name]; ok {
			if _, err := p.Dist.Internal(v); err != nil {
				return fmt.Errorf("parameter %q: %w", p.Name, err)
			}
		}
	}
	violated, err := s.Violated(values)
	if err == nil && violated != nil {
		err = fmt.Errorf("the constraint %q does not hold", violated)
	}
	return err
}

// A domain is a parameter as study.Suggest takes it.
type domain struct{ param Param }

func (d domain) Dist() space.Dist {
	if c, ok := d.param.Dist.(space.Categorical); ok {
		return c.Dist()
	}
	return d.param.Dist
}

func (d domain) Decode(x float64) any { return d.param.Dist.External(x) }

// Belief implements space.Believed.
func (d domain) Belief() *space.Belief { return d.param.Belief }
