package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mcpLongestLease is a month, in seconds.
const mcpLongestLease = 30 * 24 * 3600

type mcpCreateArgs struct {
	Study      string   `json:"study"`
	Directions []string `json:"directions"`
}

// createStudy creates a study.
func (a *mcpAgent) createStudy(ctx context.Context, in mcpCreateArgs) (mcpAnswer, error) {
	if a.only != "" {
		return mcpAnswer{}, fmt.Errorf("this server serves only the study %q", a.only)
	}
	directions := []trial.Direction{}
	for _, name := range in.Directions {
		d, err := trial.ParseDirection(name)
		if err != nil {
			return mcpAnswer{}, fmt.Errorf("directions has %q, want minimize or maximize", name)
		}
		directions = append(directions, d)
	}
	if in.Directions == nil {
		directions = append(directions, trial.Minimize)
	}
	created, err := a.db.Create(ctx, in.Study, directions)
	if err != nil {
		return mcpAnswer{}, err
	}
	a.showSpace(ctx)
	return mcpAnswer{fmt.Sprintf("Created study %q, to %s.", created.Name, joined(directions)),
		record{{Name: "study", Value: created.Name}, {Name: "directions", Value: mcpDirections(directions)}}}, nil
}

type mcpAskArgs struct {
	Study        string          `json:"study"`
	SearchSpace  json.RawMessage `json:"search_space"`
	LeaseSeconds *float64        `json:"lease_seconds"`
}

// ask starts a trial.
func (a *mcpAgent) ask(ctx context.Context, in mcpAskArgs) (mcpAnswer, error) {
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	lease := storage.Lease{Duration: a.lease, Owner: "mcp-" + rand.Text()}
	if n := in.LeaseSeconds; n != nil {
		if !(1 <= *n && *n <= mcpLongestLease) {
			return mcpAnswer{}, fmt.Errorf("lease_seconds is %v, want 1 to %d", *n, mcpLongestLease)
		}
		lease.Duration = time.Duration(*n * float64(time.Second))
	}
	dims, partial, err := a.dims(ctx, s, in.SearchSpace)
	if err != nil {
		return mcpAnswer{}, err
	}
	exhausted, err := s.Exhausted(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	before, err := s.Trials(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	t, err := s.AskDetached(ctx, study.Detached{Params: dims, Lease: lease})
	if err != nil {
		return mcpAnswer{}, err
	}
	a.mu.Lock()
	a.owners[mcpTrialKey{s.id, t.Number}] = lease.Owner
	a.mu.Unlock()
	a.showSpace(ctx)
	origin := "drawn by the sampler"
	if t.Number < len(before) {
		if origin = "from the queue"; before[t.Number].State == trial.Running {
			origin = "restarted: the lease of its last worker has ended"
		}
	}
	e, err := s.Explain(ctx, t.Number)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		a.con.logf("%v", err) // the trial runs, so the agent must get it
	}
	var notes []string
	if exhausted && origin == "drawn by the sampler" {
		notes = append(notes, "Every combination has been tried or is running: this one repeats another.")
	}
	if partial {
		notes = append(notes, "Some earlier trials have more parameters: give search_space if this one needs them.")
	}
	h, err := s.History(ctx)
	if err != nil {
		a.con.logf("%v", err)
	}
	text := fmt.Sprintf("Trial %d of study %q (%s): %s\nRun it with exactly these parameters, then call tell with "+
		"trial %d. The lease lasts %v from now and from each report.\n%s%s%s", t.Number, s.Name(), origin,
		mcpParams(t.Params), t.Number, lease.Duration, mcpSentences(notes), mcpProgressText(h), mcpExplanationText(e))
	return mcpAnswer{text, record{{Name: "study", Value: s.Name()}, {Name: "trial", Value: t.Number},
		{Name: "params", Value: paramsRecord(t.Params)}, {Name: "origin", Value: origin},
		{Name: "lease_seconds", Value: lease.Duration.Seconds()}, {Name: "reports", Value: mcpReports(t.Reports)},
		{Name: "notes", Value: mcpList(notes)}, {Name: "progress", Value: mcpProgress(h)},
		{Name: "sampler", Value: mcpExplanation(e)}}}, nil
}

// dims returns the parameters to draw.
func (a *mcpAgent) dims(ctx context.Context, s *mcpStudy, given json.RawMessage) (
	dims []space.Dimension, partial bool, err error) {
	if len(given) > 0 && string(given) != "null" {
		if dims, err = searchspace.ParseJSON(string(given)); err != nil {
			return nil, false, fmt.Errorf("search_space: %w", err)
		}
		if len(dims) == 0 {
			return nil, false, errors.New("search_space is empty, want at least one parameter")
		}
		return dims, false, nil
	}
	dims, partial, err = a.spaceOf(ctx, s)
	if err == nil && len(dims) == 0 {
		err = fmt.Errorf("study %q has no trial to take the parameters from, want search_space", s.Name())
	}
	return dims, partial, err
}

type mcpEnqueueArgs struct {
	Study  string                     `json:"study"`
	Params map[string]json.RawMessage `json:"params"`
	DryRun bool                       `json:"dry_run"`
	Repeat bool                       `json:"repeat"`
}

// enqueue queues a point of the agent, after it was checked and rated.
func (a *mcpAgent) enqueue(ctx context.Context, in mcpEnqueueArgs) (mcpAnswer, error) {
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	dims, _, err := a.spaceOf(ctx, s)
	if err != nil {
		return mcpAnswer{}, err
	}
	values, params, err := a.checkParams(ctx, s, in.Params, dims)
	if err != nil {
		return mcpAnswer{}, err
	}
	var e sampler.Explanation
	if len(params) > 0 && len(params) >= len(dims) { // a point, which can be rated
		if e, err = s.ExplainNext(ctx, params); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return mcpAnswer{}, err
		}
	}
	number, queued := -1, false
	switch {
	case in.DryRun:
	case in.Repeat:
		queued = true
		number, err = s.Enqueue(ctx, values)
	default:
		number, queued, err = s.EnqueueOnce(ctx, values)
	}
	if err != nil {
		return mcpAnswer{}, err
	}
	text := fmt.Sprintf("Queued as trial %d of study %q: ask starts it.\n", number, s.Name())
	switch {
	case in.DryRun:
		text = "Nothing was queued (dry_run).\n"
	case !queued:
		text = fmt.Sprintf("Nothing was queued: trial %d has the same parameters. Set repeat to queue it again.\n", number)
	}
	if len(dims) == 0 {
		text += "The values are not checked: the study has no search space yet.\n"
	}
	rating := mcpExplanationText(e)
	if e.Sampler == "" {
		rating = "The point has no rating: that needs a value for every parameter, and a sampler that learns.\n"
	}
	data := record{{Name: "study", Value: s.Name()}, {Name: "queued", Value: queued}}
	if number >= 0 {
		data = append(data, pyjson.Member{Name: "trial", Value: number})
	}
	return mcpAnswer{text + rating, append(data,
		pyjson.Member{Name: "sampler", Value: mcpExplanation(e)})}, nil
}

// checkParams returns the values of a trial to queue, in external form, and those whose
// distribution is known as parameters, in the order of the space.
func (a *mcpAgent) checkParams(ctx context.Context, s *mcpStudy, given map[string]json.RawMessage,
	dims []space.Dimension) (values map[string]any, params []trial.Param, err error) {
	if len(given) == 0 {
		return nil, nil, errors.New("params is empty, want a value for at least one parameter")
	}
	known, err := a.known(ctx, s, dims)
	if err != nil {
		return nil, nil, err
	}
	values = map[string]any{}
	for name, raw := range given {
		v, err := pyjson.Unmarshal(raw)
		switch v.(type) {
		case []any, map[string]any:
			return nil, nil, fmt.Errorf("params: %q is a list or an object, want null, true, false, a number or a string", name)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("params: %q: %w", name, err)
		}
		values[name] = v
		if len(known) > 0 && !slices.ContainsFunc(known, func(d space.Dimension) bool { return d.Name == name }) {
			var names []string
			for _, d := range known {
				names = append(names, d.Name)
			}
			return nil, nil, fmt.Errorf("params has %q, and the study has no such parameter: want %s", name,
				strings.Join(names, ", "))
		}
	}
	for _, d := range known {
		v, ok := values[d.Name]
		if !ok {
			continue
		}
		x, err := d.Dist.Internal(v)
		if err != nil {
			return nil, nil, fmt.Errorf("params: %q: %w", d.Name, err)
		}
		params = append(params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
	}
	return values, params, nil
}

// known returns dims and the other parameters of the study's trials, as in the last one that has them.
func (a *mcpAgent) known(ctx context.Context, s *mcpStudy, dims []space.Dimension) ([]space.Dimension, error) {
	trials, err := s.Trials(ctx)
	known := slices.Clone(dims)
	for _, t := range slices.Backward(trials) {
		for _, p := range t.Params {
			if !slices.ContainsFunc(known, func(d space.Dimension) bool { return d.Name == p.Name }) {
				known = append(known, space.Dimension{Name: p.Name, Dist: p.Dist})
			}
		}
	}
	return known, err
}
