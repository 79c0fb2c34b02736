package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A studyBody is what the page of a study shows besides its head.
type studyBody struct {
	Objectives []objective
	States     []stateCount
	Paused     int // which States does not count as waiting
	Trials     int
	Planned    int // how many there will be; 0: unknown
	Shown      int // how many the filter leaves
	Running    []runningTrial
	Best       []trialCard
	MoreBest   int // how many more are on the Pareto front
	Figures    []figure
	Filter     filterForm
	Asides     asides
}

// An objective has the name and the direction of an objective.
type objective struct {
	Name     string
	Maximize bool
}

// A stateCount is how many trials are in a state.
type stateCount struct {
	State trial.State
	N     int
}

// A runningTrial is shown while it runs.
type runningTrial struct {
	Number int
	For    time.Duration
	Last   *trial.Report
}

// A trialCard is a trial with its parameters.
type trialCard struct {
	Number int
	Values []named
	Params []named
	Rerun  string // a command
}

// A named value is shown as it is.
type named struct {
	Name  string
	Value any
}

// A figure is drawn in the browser, from an address.
type figure struct {
	Plot    string // its name, as in the address
	Caption string
	Source  string
	Params  string // a JSON list: the viewer chooses two of them
	Best    string // the number of the best trial, if not that of the page
	Open    bool   // drawn at once; else when the viewer opens it
	Fixed   bool   // not by the filter of the page
}

// figures are the plots of a study's page, in their order.
func figures(now *snapshot) []figure {
	list := []figure{
		{Plot: "history", Caption: "History", Open: true},
		{Plot: "intermediate", Caption: "Reports", Open: true},
		{Plot: "training", Caption: "Training and validation"},
		{Plot: "pareto", Caption: "Pareto front"},
		{Plot: "hypervolume", Caption: "Hypervolume"},
		{Plot: "importances", Caption: "Importance"},
		{Plot: "timeline", Caption: "Timeline"},
		{Plot: "parallel", Caption: "Parallel coordinates"},
		{Plot: "slice", Caption: "Slice"},
		{Plot: "contour", Caption: "Contour"},
		{Plot: "rank", Caption: "Rank"},
		{Plot: "edf", Caption: "Distribution of values"},
	}
	several := len(now.study.Directions) > 1
	reported := now.unreported || slices.ContainsFunc(now.trials, func(t *trial.Trial) bool { return len(t.Reports) > 0 })
	list = slices.DeleteFunc(list, func(f figure) bool {
		switch f.Plot {
		case "pareto", "hypervolume":
			return !several
		case "intermediate":
			return several || !reported
		case "training":
			return !hasTraining(now)
		case "contour", "rank":
			return len(now.params()) < 2
		}
		return false
	})
	var names []string
	for _, p := range now.params() {
		names = append(names, p.Name)
	}
	choices, _ := json.Marshal(names) // strings always marshal
	for i := range list {
		if list[i].Plot == "contour" || list[i].Plot == "rank" {
			list[i].Params = string(choices)
		}
		list[i].Source = "/api/studies/" + strconv.FormatInt(now.study.ID, 10) + "/plots/" + list[i].Plot
	}
	return list
}

// lossesAttr is where trials of finetune keep their losses by epoch.
const lossesAttr = "loss_by_epoch"

func hasTraining(now *snapshot) bool {
	return slices.ContainsFunc(now.trials, func(t *trial.Trial) bool { return t.UserAttrs[lossesAttr] != nil })
}

// studyPage shows a study.
func (s *Server) studyPage(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	f, err := parseFilter(r.URL.Query(), now)
	if err != nil {
		return err
	}
	body := studyBody{Trials: max(len(now.trials), now.total), Planned: now.outline().Trials, Figures: figures(now),
		Filter: now.form(r.URL.Query())}
	shown := r.URL.Query().Get("objective")
	for i, name := range now.objectives() {
		if len(now.study.Directions) > 1 {
			o := objectiveOption{Name: name, On: shown == strconv.Itoa(i)}
			if i > 0 {
				o.Key = strconv.Itoa(i)
			}
			body.Filter.Objectives = append(body.Filter.Objectives, o)
		}
		body.Objectives = append(body.Objectives, objective{name, now.study.Directions[i] == trial.Maximize})
	}
	count := now.states()
	for _, t := range now.trials {
		if t.Paused() {
			body.Paused++
		}
	}
	count[trial.Waiting] -= body.Paused
	for _, state := range []trial.State{trial.Complete, trial.Pruned, trial.Failed, trial.Running, trial.Waiting} {
		body.States = append(body.States, stateCount{state, count[state]})
	}
	if body.Planned < body.Trials {
		body.Planned = 0 // somebody has queued more
	}
	for _, t := range now.trials {
		if f.keep(t) {
			body.Shown++
		}
	}
	for _, t := range now.history.Running() {
		run := runningTrial{Number: t.Number, For: time.Since(t.Start)}
		if last, ok := t.LastReport(); ok {
			run.Last = &last
		}
		body.Running = append(body.Running, run)
	}
	if body.Asides, err = s.asides(r, now, nil); err != nil {
		return err
	}
	best := now.best()
	const most = 5
	for _, t := range best[:min(len(best), most)] {
		card := now.card(t)
		card.Rerun = s.rerun(now, t)
		body.Best = append(body.Best, card)
	}
	body.MoreBest = max(0, len(best)-most)
	h := s.head(r, now)
	return s.page(w, r, http.StatusOK, "study.html", view{Title: short(now.study.Name, 80), Study: h, Live: events(now), Body: body})
}

// events is the address at which a study says that it has changed since this snapshot.
func events(now *snapshot) string {
	return fmt.Sprintf("/api/studies/%d/events?since=%d", now.study.ID, now.revision)
}

// card describes a trial.
func (s *snapshot) card(t *trial.Trial) trialCard {
	c := trialCard{Number: t.Number}
	names := s.objectives()
	for i, v := range t.Values {
		name := "value " + strconv.Itoa(i) // a pruned trial of another program may have more
		if i < len(names) {
			name = names[i]
		}
		c.Values = append(c.Values, named{name, v})
	}
	for _, p := range t.Params {
		c.Params = append(c.Params, named{p.Name, p.External()})
	}
	return c
}

// A filterForm is the filter bar.
type filterForm struct {
	States   []stateBox
	Feasible string
	Number   string
	Values   []filterField // by objective
	Params   []filterField
	Words    string
	Active   bool // something is filtered

	Objectives []objectiveOption // that plots show one of; none if there is one
}

// An objectiveOption is an objective to choose.
type objectiveOption struct {
	Key, Name string // the key of the first is "", the default
	On        bool
}

// A stateBox is a check box.
type stateBox struct {
	State trial.State
	On    bool
}

// A filterField is an input for one value or parameter.
type filterField struct {
	Key     string // in the query
	Label   string
	Text    string // what was asked for
	Hint    string
	Choices []choiceBox // of a parameter with choices, in place of a text
}

// A choiceBox is an option of a list.
type choiceBox struct {
	Text string
	On   bool
}

// form fills the filter bar from the query.
func (s *snapshot) form(q map[string][]string) filterForm {
	get := func(key string) string { return strings.Join(q[key], " ") }
	form := filterForm{Feasible: get("feasible"), Number: get("number"), Words: get("q"), Active: len(filterOnly(q)) > 0}
	for _, state := range []trial.State{trial.Complete, trial.Pruned, trial.Failed, trial.Running, trial.Waiting} {
		on := slices.ContainsFunc(q["state"], func(v string) bool { return strings.EqualFold(v, state.String()) })
		form.States = append(form.States, stateBox{state, on})
	}
	for i, name := range s.objectives() {
		key := "value." + strconv.Itoa(i)
		if i == 0 {
			key = "value"
		}
		form.Values = append(form.Values, filterField{Key: key, Label: name, Text: get(key), Hint: "low..high"})
	}
	for _, p := range s.params() {
		f := filterField{Key: "p." + p.Name, Label: p.Name, Text: get("p." + p.Name)}
		for _, c := range p.Choices {
			f.Choices = append(f.Choices, choiceBox{c, slices.Contains(q["p."+p.Name], c)})
		}
		if p.Choices == nil {
			f.Hint = number(p.Low) + ".." + number(p.High)
		}
		form.Params = append(form.Params, f)
	}
	return form
}
