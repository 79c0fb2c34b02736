package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Failure is a reason for which trials failed or are infeasible.
type Failure struct {
	Reason     string // of the first of them; "": unknown
	Infeasible bool
	Trials     []*trial.Trial
}

// digits differ between reasons that are the same: times, process IDs, sizes.
var digits = regexp.MustCompile(`[0-9][0-9.,]*`)

// failures groups the trials without a result by their reason, the most frequent first.
func failures(h trial.History) (all []*Failure) {
	groups := map[string]*Failure{}
	for _, t := range h.Finished() {
		infeasible := t.Violation() > 0
		if t.State != trial.Failed && !infeasible {
			continue
		}
		line, _, _ := strings.Cut(strings.TrimSpace(t.Failure()), "\n")   // a panic has its stack below
		line = strings.TrimPrefix(line, study.ErrInfeasible.Error()+": ") // the report says it by itself
		key := fmt.Sprint(infeasible, digits.ReplaceAllString(line, "0"))
		if groups[key] == nil {
			groups[key] = &Failure{Reason: line, Infeasible: infeasible}
			all = append(all, groups[key])
		}
		groups[key].Trials = append(groups[key].Trials, t)
	}
	slices.SortStableFunc(all, func(a, b *Failure) int { return cmp.Compare(len(b.Trials), len(a.Trials)) })
	return all
}

// shownFailures is how many reasons are listed.
const shownFailures = 12

// failures tells what failed and why.
func (s Source) failures() Section {
	all, n := failures(s.History), s.tally()
	if len(all) == 0 {
		return Section{}
	}
	var parts []Text
	if n.Failed > 0 {
		parts = append(parts, say("%s failed", count(n.Failed)))
	}
	if n.Infeasible > 0 {
		parts = append(parts, say("%s violated a constraint", count(n.Infeasible)))
	}
	section := Section{Title: "What failed", Text: []Text{say("Of %s, %v.", counted(n.Finished(), "finished trial"),
		list(parts, 2))}}
	t := Table{Left: 1, Head: []Text{say("Reason"), say("Trials"), say("Example")}}
	for i, f := range all {
		if i == shownFailures {
			rest := 0
			for _, g := range all[i:] {
				rest += len(g.Trials)
			}
			t.Rows = append(t.Rows, []Text{say("%s", counted(len(all)-i, "other reason")), say("%s", count(rest)), say("")})
			break
		}
		why := say("%v", reason(f.Reason))
		switch {
		case f.Reason == "" && f.Infeasible:
			why = say("A constraint is above 0; no reason is saved.")
		case f.Reason == "":
			why = say("No reason is saved.")
		}
		if f.Infeasible && f.Reason != "" {
			why = append(say("Infeasible: "), why...)
		}
		t.Rows = append(t.Rows, []Text{why, say("%s", count(len(f.Trials))), say("%d", f.Trials[0].Number)})
	}
	section.Tables = []Table{t}
	if slices.ContainsFunc(all, func(f *Failure) bool { return f.Reason == "" && !f.Infeasible }) {
		section.Notes = []Text{say("Optuna saves no reason for a failed trial; the output of its program has it.")}
	}
	return section
}
