package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mcpStudiesListed is how many studies one answer lists.
const mcpStudiesListed = 50

type mcpStudiesArgs struct {
	Offset int `json:"offset"`
}

// listStudies lists studies.
func (a *mcpAgent) listStudies(ctx context.Context, in mcpStudiesArgs) (mcpAnswer, error) {
	all, err := a.db.Studies(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	if a.only != "" {
		one, err := a.find(ctx, "")
		if err != nil {
			return mcpAnswer{}, err
		}
		all = append(all[:0], one)
	}
	if in.Offset < 0 {
		return mcpAnswer{}, fmt.Errorf("offset is %d, want at least 0", in.Offset)
	}
	var list []any
	text := counted(len(all), "study") + ".\n"
	from := min(in.Offset, len(all))
	shown := all[from:min(from+mcpStudiesListed, len(all))]
	for _, one := range shown {
		trials, _, err := a.db.Extent(ctx, one.ID)
		if err != nil {
			return mcpAnswer{}, err
		}
		list = append(list, record{{Name: "study", Value: one.Name},
			{Name: "directions", Value: mcpDirections(one.Directions)}, {Name: "trials", Value: trials}})
		text += fmt.Sprintf("%q: %s, %d trials\n", one.Name, joined(one.Directions), trials)
	}
	if left := len(all) - from - len(shown); left > 0 {
		text += fmt.Sprintf("%d more: offset %d shows them.\n", left, from+len(shown))
	}
	return mcpAnswer{text, record{{Name: "total", Value: len(all)}, {Name: "studies", Value: mcpList(list)}}}, nil
}

type mcpStudyArgs struct {
	Study string `json:"study"`
}

// showStudy describes a study.
func (a *mcpAgent) showStudy(ctx context.Context, in mcpStudyArgs) (mcpAnswer, error) {
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	dims, partial, err := a.spaceOf(ctx, s)
	if err != nil {
		return mcpAnswer{}, err
	}
	trials, err := s.Trials(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	h, err := s.History(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	e, err := s.ExplainNext(ctx, nil)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return mcpAnswer{}, err
	}
	waiting, paused := 0, countPaused(trials)
	for _, t := range trials {
		if t.State == trial.Waiting && !t.Paused() {
			waiting++
		}
	}
	text := fmt.Sprintf("Study %q: %s.\nSearch space:\n", s.Name(), joined(s.Directions()))
	for _, d := range dims {
		text += fmt.Sprintf("  %s: %s\n", d.Name, mcpDist(d.Dist))
	}
	if len(dims) == 0 {
		text += "  unknown until the first trial: give ask a search_space.\n"
	}
	if partial {
		text += "  Some trials have more parameters, which trials shows.\n"
	}
	progress := append(mcpProgress(h), pyjson.Member{Name: "queued", Value: waiting}, pyjson.Member{Name: "paused", Value: paused})
	if text += fmt.Sprintf("%s%d queued", mcpProgressText(h), waiting); paused > 0 {
		text += fmt.Sprintf(", %d paused", paused)
	}
	return mcpAnswer{text + ".\n" + mcpExplanationText(e),
		record{{Name: "study", Value: s.Name()}, {Name: "directions", Value: mcpDirections(s.Directions())},
			{Name: "space", Value: mcpSpaceSchema(dims)}, {Name: "more_parameters", Value: partial},
			{Name: "progress", Value: progress}, {Name: "sampler", Value: mcpExplanation(e)}}}, nil
}

type mcpTrialsArgs struct {
	Study  string `json:"study"`
	Order  string `json:"order"`
	Offset int    `json:"offset"`
	Limit  *int   `json:"limit"`
}

// listTrials lists trials.
func (a *mcpAgent) listTrials(ctx context.Context, in mcpTrialsArgs) (mcpAnswer, error) {
	limit := 10
	if in.Limit != nil {
		limit = *in.Limit
	}
	switch {
	case limit < 1 || limit > 100:
		return mcpAnswer{}, fmt.Errorf("limit is %d, want 1 to 100", limit)
	case in.Offset < 0:
		return mcpAnswer{}, fmt.Errorf("offset is %d, want at least 0", in.Offset)
	}
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	all, err := s.Trials(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	switch in.Order {
	case "", "best":
		all = mcpRanked(all, s.Directions())
	case "newest":
		all = slices.Clone(all)
		slices.Reverse(all)
	case "number":
	default:
		return mcpAnswer{}, fmt.Errorf("order is %q, want best, newest or number", in.Order)
	}
	from := min(in.Offset, len(all))
	shown := all[from:min(from+limit, len(all))]
	var list []any
	text := fmt.Sprintf("%d trials of study %q.\n", len(all), s.Name())
	for _, t := range shown {
		list = append(list, mcpTrial(t))
		text += mcpTrialLine(t) + "\n"
	}
	if left := len(all) - from - len(shown); left > 0 {
		text += fmt.Sprintf("%d more: offset %d shows them.\n", left, from+len(shown))
	}
	return mcpAnswer{text, record{{Name: "study", Value: s.Name()}, {Name: "total", Value: len(all)},
		{Name: "trials", Value: mcpList(list)}}}, nil
}

// mcpRanked returns the complete and pruned trials, the best first: feasible, complete, by value. With
// several objectives those of the Pareto front come first, and values do not count.
func mcpRanked(all []*trial.Trial, directions []trial.Direction) []*trial.Trial {
	log := trial.NewLog(directions)
	var list []*trial.Trial
	for _, t := range all {
		log.Put(t)
		if t.State == trial.Complete || t.State == trial.Pruned {
			list = append(list, t)
		}
	}
	front := map[int]bool{}
	if len(directions) > 1 {
		for _, t := range log.History().ParetoFront() {
			front[t.Number] = true
		}
	}
	order := func(yes bool) int {
		if yes {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(x, y *trial.Trial) int {
		for _, c := range []int{order(front[x.Number]) - order(front[y.Number]),
			order(x.Violation() == 0) - order(y.Violation() == 0),
			order(x.State == trial.Complete) - order(y.State == trial.Complete),
			order(len(x.Values) > 0) - order(len(y.Values) > 0)} {
			if c != 0 {
				return c
			}
		}
		if len(directions) > 1 || len(x.Values) == 0 || len(y.Values) == 0 {
			return 0
		}
		return order(directions[0].Better(x.Values[0], y.Values[0])) - order(directions[0].Better(y.Values[0], x.Values[0]))
	})
	return list
}

type mcpImportanceArgs struct {
	Study     string `json:"study"`
	Objective int    `json:"objective"`
}

// importances measures parameters.
func (a *mcpAgent) importances(ctx context.Context, in mcpImportanceArgs) (mcpAnswer, error) {
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	h, err := s.History(ctx)
	if err != nil {
		return mcpAnswer{}, err
	}
	raw, err := importance.PEDANOVA{}.Of(h, in.Objective)
	if err != nil {
		return mcpAnswer{}, err
	}
	text, shares := "How much each parameter decides whether a trial is among the best tenth:\n", record{}
	for _, i := range importance.Normalized(raw) {
		text += fmt.Sprintf("  %s: %.3f\n", i.Name, i.Value)
		shares = append(shares, pyjson.Member{Name: i.Name, Value: i.Value})
	}
	complete, note := fewTrials(h)
	if note != "" {
		text += note + "\n"
	}
	return mcpAnswer{text, record{{Name: "study", Value: s.Name()}, {Name: "method", Value: "PED-ANOVA"},
		{Name: "complete_trials", Value: complete}, {Name: "importances", Value: shares}, {Name: "note", Value: note}}}, nil
}

// mcpBest returns the best trial, or the Pareto front.
func mcpBest(h trial.History) []*trial.Trial {
	switch best, ok := h.Best(); {
	case len(h.Directions()) > 1:
		return h.ParetoFront()
	case ok:
		return []*trial.Trial{best}
	}
	return nil
}

// mcpProgress counts trials and names the best ones.
func mcpProgress(h trial.History) record {
	counts := map[trial.State]int{}
	for _, t := range h.Finished() {
		counts[t.State]++
	}
	var running, best []any
	for _, t := range h.Running() {
		running = append(running, t.Number)
	}
	for _, t := range mcpBest(h) {
		best = append(best, mcpTrial(t))
	}
	const most = 20
	return record{{Name: "complete", Value: counts[trial.Complete]}, {Name: "pruned", Value: counts[trial.Pruned]},
		{Name: "failed", Value: counts[trial.Failed]}, {Name: "running", Value: mcpList(running[:min(len(running), most)])},
		{Name: "best", Value: mcpList(best[:min(len(best), most)])}}
}

// mcpProgressText is mcpProgress in words.
func mcpProgressText(h trial.History) string {
	counts := map[trial.State]int{}
	for _, t := range h.Finished() {
		counts[t.State]++
	}
	text := fmt.Sprintf("So far %d complete, %d pruned, %d failed, %d running.\n", counts[trial.Complete],
		counts[trial.Pruned], counts[trial.Failed], len(h.Running()))
	best := mcpBest(h)
	for _, t := range best[:min(len(best), 5)] {
		text += "Best: " + mcpTrialLine(t) + "\n"
	}
	if len(best) > 5 {
		text += fmt.Sprintf("%d more on the Pareto front.\n", len(best)-5)
	}
	return text
}

// mcpTrial describes a trial.
func mcpTrial(t *trial.Trial) record {
	r := record{{Name: "trial", Value: t.Number}, {Name: "state", Value: mcpState(t)}}
	add := func(name string, v any) { r = append(r, pyjson.Member{Name: name, Value: v}) }
	if len(t.Values) == 1 {
		add("value", t.Values[0])
	} else if t.Values != nil {
		add("values", mcpList(t.Values))
	}
	add("params", paramsRecord(t.Params))
	if last, ok := t.LastReport(); ok {
		add("last_report", record{{Name: "step", Value: last.Step}, {Name: "value", Value: last.Value}})
	}
	if t.State.Finished() {
		add("seconds", t.Duration().Seconds())
	}
	if t.Violation() > 0 {
		add("infeasible_by", t.Violation())
	}
	if reason := mcpShort(failureLine(t), 300); reason != "" {
		add("failure", reason)
	}
	if len(t.UserAttrs) > 0 {
		attrs := record{}
		for _, m := range attrsRecord(t.UserAttrs) {
			if text, err := pyjson.Marshal(jsonValue(m.Value)); err != nil || len(text) > 300 {
				m.Value = mcpShort(string(text), 300)
			}
			attrs = append(attrs, m)
		}
		add("user_attrs", attrs[:min(len(attrs), 20)])
	}
	return r
}

// mcpState is Optuna's name of a state, or PAUSED.
func mcpState(t *trial.Trial) string {
	if t.Paused() {
		return "PAUSED"
	}
	return t.State.String()
}

// mcpTrialLine is a line about a trial.
func mcpTrialLine(t *trial.Trial) string {
	text := fmt.Sprintf("trial %d %s", t.Number, mcpState(t))
	if len(t.Values) > 0 {
		text += " " + mcpValues(t.Values)
	} else if last, ok := t.LastReport(); ok {
		text += fmt.Sprintf(" %.6g at step %d", last.Value, last.Step)
	}
	text += ": " + mcpParams(t.Params)
	if t.Violation() > 0 {
		text += " (infeasible)"
	}
	if reason := failureLine(t); reason != "" {
		text += " (" + mcpShort(reason, 120) + ")"
	}
	return text
}

// mcpShort returns the start of a text.
func mcpShort(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// mcpParams is the JSON of parameters.
func mcpParams(params []trial.Param) string { return string(mcpJSON(paramsRecord(params))) }

func mcpValues(values []float64) string {
	var words []string
	for _, v := range values {
		words = append(words, fmt.Sprintf("%.6g", v))
	}
	return strings.Join(words, ", ")
}

func mcpDirections(directions []trial.Direction) []any {
	var words []any
	for _, d := range directions {
		words = append(words, d.String())
	}
	return words
}

// mcpDist describes a range.
func mcpDist(d space.Dist) string { return string(mcpJSON(mcpDistSchema(d))) }

// mcpSentences joins notes.
func mcpSentences(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return strings.Join(notes, " ") + "\n"
}

// mcpReports lists the last reports of a trial.
func mcpReports(reports []trial.Report) []any {
	const most = 100
	list := []any{}
	for _, r := range reports[max(0, len(reports)-most):] {
		list = append(list, record{{Name: "step", Value: r.Step}, {Name: "value", Value: r.Value}})
	}
	return list
}
