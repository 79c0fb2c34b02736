package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

type mcpWhyArgs struct {
	Study string `json:"study"`
	Trial *int   `json:"trial"`
}

// why explains how a trial was drawn.
func (a *mcpAgent) why(ctx context.Context, in mcpWhyArgs) (mcpAnswer, error) {
	if in.Trial == nil {
		return mcpAnswer{}, errors.New("trial is missing")
	}
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	all, err := s.Trials(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	if *in.Trial < 0 || *in.Trial >= len(all) {
		return mcpAnswer{}, fmt.Errorf("trial is %d, and study %q has %d trials", *in.Trial, s.Name(), len(all))
	}
	t := all[*in.Trial]
	if t.State == trial.Waiting && !t.Paused() {
		return mcpAnswer{}, fmt.Errorf("trial %d is in the queue: it has no parameters yet", t.Number)
	}
	h, err := s.History(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	past := h.Before(min(t.Seen, len(h.Finished())))
	origins, err := a.origins(ctx, s, t)
	if err != nil {
		return mcpAnswer{}, err
	}
	e, err := s.Explain(ctx, t.Number)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return mcpAnswer{}, err
	}
	text := fmt.Sprintf("%s\nIt started after %d trials had finished.\n", mcpTrialLine(t), len(past.Finished()))
	var best any
	if b, ok := past.Best(); ok && len(past.Directions()) == 1 {
		best = mcpTrial(b)
		text += "Best then: " + mcpTrialLine(b) + "\n"
	}
	for _, origin := range []string{mcpQueued, mcpDrawn, mcpOther, mcpOnly} {
		var names []string
		for _, o := range origins {
			if o.Value == origin {
				names = append(names, o.Name)
			}
		}
		if names != nil {
			text += fmt.Sprintf("%s: %s.\n", strings.ToUpper(origin[:1])+origin[1:], strings.Join(names, ", "))
		}
	}
	var near []any
	for _, n := range neighbours(t, past.Finished()) {
		near = append(near, append(mcpTrial(n.trial), pyjson.Member{Name: "distance", Value: n.distance}))
		text += fmt.Sprintf("At distance %.3g: %s\n", n.distance, mcpTrialLine(n.trial))
	}
	return mcpAnswer{text + mcpExplanationText(e), record{{Name: "study", Value: s.Name()},
		{Name: "trial", Value: mcpTrial(t)}, {Name: "finished_before", Value: len(past.Finished())}, {Name: "best_before", Value: best},
		{Name: "origins", Value: origins}, {Name: "neighbours", Value: mcpList(near)},
		{Name: "reports", Value: mcpReports(t.Reports)}, {Name: "sampler", Value: mcpExplanation(e)}}}, nil
}

// Where the value of a parameter comes from.
const (
	mcpQueued = "queued by a person or an agent"
	mcpDrawn  = "drawn by this server's sampler, which draws the same again"
	mcpOther  = "drawn by another sampler, seed or program than this server's"
	mcpOnly   = "the only possible value"
)

// origins says for each parameter where its value comes from.
func (a *mcpAgent) origins(ctx context.Context, s *mcpStudy, t *trial.Trial) (record, error) {
	queued := map[string]any{}
	if v, err := pyjson.Unmarshal(t.SystemAttrs[sysattr.FixedParams]); err == nil {
		if m, ok := v.(map[string]any); ok {
			queued = m
		}
	}
	again, err := s.Replay(ctx, t.Number)
	if ctx.Err() != nil {
		return nil, err
	}
	origins := record{}
	for i, p := range t.Params {
		_, fixed := queued[p.Name]
		origin := mcpOther
		switch {
		case fixed:
			origin = mcpQueued
		case p.Dist.Len() == 1:
			origin = mcpOnly
		case err == nil && again[i].Value == p.Value: // a sampler that cannot draw it did not
			origin = mcpDrawn
		}
		origins = append(origins, pyjson.Member{Name: p.Name, Value: origin})
	}
	return origins, nil
}

// A neighbour is an earlier trial near another one.
type neighbour struct {
	trial    *trial.Trial
	distance float64
}

// neighbours returns the five earlier trials nearest to t. The distance is the root mean square over
// t's parameters of the differences in shares of their ranges; choices that differ, and parameters
// that only t has, count as 1.
func neighbours(t *trial.Trial, earlier []*trial.Trial) []neighbour {
	var list []neighbour
	for _, u := range earlier {
		sum, n := 0.0, 0
		for _, p := range t.Params {
			if p.Dist.Len() == 1 {
				continue
			}
			n++
			q, ok := u.Param(p.Name)
			_, choices := p.Dist.(space.Categorical)
			switch {
			case !ok || choices && p.External() != q.External():
				sum++
			case !choices:
				d := p.Dist.Unit(p.Value) - p.Dist.Unit(q.Value)
				sum += d * d
			}
		}
		if n > 0 && u.Number != t.Number {
			list = append(list, neighbour{u, math.Sqrt(sum / float64(n))})
		}
	}
	slices.SortStableFunc(list, func(a, b neighbour) int { return cmp.Compare(a.distance, b.distance) })
	return list[:min(len(list), 5)]
}

// mcpAxes is how many axes of CMA-ES an answer has.
const mcpAxes = 5

// mcpExplanation is what a sampler knows, nil if it explains nothing.
func mcpExplanation(e sampler.Explanation) any {
	if e.Sampler == "" {
		return nil
	}
	var params, axes, facts []any
	for _, b := range e.Params {
		r := record{{Name: "name", Value: b.Name}, {Name: "best", Value: b.Best}}
		if b.Low != nil {
			r = append(r, pyjson.Member{Name: "low", Value: b.Low}, pyjson.Member{Name: "high", Value: b.High})
		}
		if b.Choices != nil {
			r = append(r, pyjson.Member{Name: "choices", Value: mcpList(b.Choices)})
		}
		if b.Scale > 0 {
			r = append(r, pyjson.Member{Name: "scale", Value: b.Scale})
		}
		params = append(params, r)
	}
	for _, x := range e.Axes[:min(len(e.Axes), mcpAxes)] {
		direction := record{}
		for _, name := range slices.Sorted(maps.Keys(x.Direction)) {
			direction = append(direction, pyjson.Member{Name: name, Value: x.Direction[name]})
		}
		axes = append(axes, record{{Name: "sd", Value: x.SD}, {Name: "direction", Value: direction}})
	}
	for _, f := range e.Facts {
		facts = append(facts, record{{Name: "name", Value: f.Name}, {Name: "value", Value: f.Value},
			{Name: "meaning", Value: f.Meaning}})
	}
	return record{{Name: "algorithm", Value: e.Sampler}, {Name: "startup", Value: e.Startup},
		{Name: "trials", Value: e.Trials}, {Name: "params", Value: mcpList(params)}, {Name: "axes", Value: mcpList(axes)},
		{Name: "facts", Value: mcpList(facts)}}
}

// mcpExplanationText is mcpExplanation in words.
func mcpExplanationText(e sampler.Explanation) string {
	switch {
	case e.Sampler == "":
		return "The sampler learns nothing from trials.\n"
	case e.Startup:
		return fmt.Sprintf("Sampler %s: startup, draws are random (%d trials so far).\n", e.Sampler, e.Trials)
	}
	const most = 30
	text := fmt.Sprintf("Sampler %s, from %d trials:\n", e.Sampler, e.Trials)
	for _, b := range e.Params[:min(len(e.Params), most)] {
		var words []string
		if b.Best != nil {
			words = append(words, "best "+mcpShow(b.Best))
		}
		if b.Low != nil {
			words = append(words, fmt.Sprintf("region %s to %s", mcpShow(b.Low), mcpShow(b.High)))
		}
		if b.Choices != nil {
			words = append(words, fmt.Sprintf("chances of the choices %.2g", b.Choices))
		}
		if b.Scale > 0 {
			words = append(words, fmt.Sprintf("scale %.3g of the range", b.Scale))
		}
		text += fmt.Sprintf("  %s: %s\n", b.Name, strings.Join(words, ", "))
	}
	if n := len(e.Params) - most; n > 0 {
		text += fmt.Sprintf("  and %d more parameters\n", n)
	}
	for i, x := range e.Axes[:min(len(e.Axes), mcpAxes)] {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(x.Direction)) {
			if w := x.Direction[name]; math.Abs(w) >= 0.1 {
				words = append(words, fmt.Sprintf("%s %+.2f", name, w))
			}
		}
		text += fmt.Sprintf("  axis %d: deviation %.3g along %s\n", i+1, x.SD, strings.Join(words, ", "))
	}
	for _, f := range e.Facts {
		text += fmt.Sprintf("  %s = %.5g (%s)\n", f.Name, f.Value, f.Meaning)
	}
	return text
}

// mcpShow shows an external value.
func mcpShow(v any) string {
	if x, ok := v.(float64); ok {
		return fmt.Sprintf("%.4g", x)
	}
	text, _ := pyjson.Marshal(v) // external values always marshal
	return string(text)
}
