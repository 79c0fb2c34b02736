package studyfile

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/space"
)

// prior reads what a parameter says about where its good values are: a word or a mapping in prior, about
// the default or another center, or weights of choices.
func (r *reader) prior(prior, weights node, d *definition) {
	if r.err != nil || d.Dist == nil || prior.Node == nil && weights.Node == nil {
		return
	}
	_, choices := d.Dist.(space.Categorical)
	switch {
	case prior.Node != nil && weights.Node != nil:
		r.fail(weights, "%s: want prior or weights, not both", weights.key)
	case weights.Node != nil && !choices:
		r.fail(weights, "%s belongs to choices, and %s is %v: want prior", weights.key, d.Name, d.Dist)
	case weights.Node != nil:
		d.Belief = &space.Belief{}
		r.list(weights, func(_ int, e node) { d.Belief.Weights = append(d.Belief.Weights, r.number(e)) })
		r.checkBelief(weights, d)
	default:
		r.around(prior, d)
	}
}

// around reads prior.
func (r *reader) around(prior node, d *definition) {
	center, sigma, spread := d.defaultAt, node{}, node{}
	if prior.Kind == yaml.MappingNode {
		keep := func(to *node) field { return func(n node) { *to = r.visit(n) } }
		r.object(prior, map[string]field{"center": keep(&center), "sigma": keep(&sigma), "spread": keep(&spread)})
		if r.err == nil && (sigma.Node == nil) == (spread.Node == nil) {
			r.fail(prior, "%s: want sigma or spread", prior.key)
		}
	} else {
		sigma = prior
		if !slices.Contains(searchspace.Words(), r.text(prior)) {
			r.wrong(prior, "one of vague, confident, certain, or a mapping with sigma")
		}
	}
	if center.Node == nil {
		r.fail(prior, "%s has no center: want a default, or center in prior", prior.key)
	}
	if r.err != nil {
		return
	}
	var sure space.Confidence
	if spread.Node != nil {
		if sure = space.Confidence(r.number(spread)); sure <= 0 {
			r.wrong(spread, "a number above 0, as a share of the range")
		}
	} else {
		var err error
		if sure, err = searchspace.ParseSigma(r.text(sigma), d.Dist); err != nil {
			r.fail(sigma, "%s %v", sigma.key, err)
		}
	}
	v := r.of(center, d.Dist)
	if r.err != nil {
		return
	}
	d.Belief, _ = space.NewBelief(d.Dist, v, sure)
	r.checkBelief(prior, d)
}

func (r *reader) checkBelief(n node, d *definition) {
	if r.err == nil {
		if err := d.Belief.Check(d.Dist); err != nil {
			r.fail(n, "%s: %v", n.key, err)
		}
	}
}

// belief writes a belief in its longest form.
func (o object) belief(p searchspace.Param) {
	switch b := p.Belief; {
	case b == nil:
	case b.Weights != nil:
		o.put("weights", list(b.Weights))
	default:
		prior := mapping()
		prior.node.Style = yaml.FlowStyle
		prior.put("center", scalarOf(p.Dist.External(b.Center)))
		prior.put("spread", scalarOf(b.Spread))
		o.put("prior", prior.node)
	}
}
