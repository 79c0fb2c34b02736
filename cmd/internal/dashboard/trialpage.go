package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A trialBody is what the page of a trial shows.
type trialBody struct {
	Trial      *trial.Trial
	Values     []named
	Took       time.Duration // 0: it did not start
	Failure    string
	Params     []paramRow
	Best       *trial.Trial // to compare with; nil: there is none, or it is this one
	First      *trial.Trial // trial 0 if somebody queued it: the recommended settings
	Attrs      []named      // user attributes
	System     []named
	Constraint []named
	Checkpoint string
	Figures    []figure
	Why        *why
	Prev, Next int // numbers of the trials beside it; -1: none
	Rerun      string
	Asides     asides
}

// A paramRow is a parameter of a trial beside the same one of others.
type paramRow struct {
	Name  string
	Value string
	Best  string
	First string
	Range string
	Share float64 // where the value is in its range, in [0, 1]; negative: nowhere
}

// trial returns the trial in the address as the file has it now, and the snapshot.
func (s *Server) trial(r *http.Request) (*snapshot, *trial.Trial, error) {
	number, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return nil, nil, errNoPage
	}
	now, err := s.study(r)
	if err != nil {
		return nil, nil, err
	}
	var t *trial.Trial
	err = s.file.use(r.Context(), func(db storage.Viewer) error {
		t, err = db.Trial(r.Context(), now.study.ID, number)
		return err
	})
	return now, t, err
}

// trialPage shows a trial.
func (s *Server) trialPage(w http.ResponseWriter, r *http.Request) error {
	now, t, err := s.trial(r)
	if err != nil {
		return err
	}
	body := trialBody{Trial: t, Values: now.card(t).Values, Failure: t.Failure(), Attrs: attrRows(t.UserAttrs),
		System: attrRows(t.SystemAttrs), Prev: t.Number - 1, Next: t.Number + 1, Rerun: s.rerun(now, t)}
	if t.State == trial.Failed && body.Failure == "" {
		body.Failure = "The program that ran it has recorded no reason."
	}
	body.Took, _ = duration(t, time.Now())
	if _, ok := now.trial(t.Number + 1); !ok {
		body.Next = -1
	}
	if best := now.best(); len(best) > 0 && best[0].Number != t.Number {
		body.Best = best[0]
	}
	if first, ok := now.trial(0); ok && t.Number != 0 && first.SystemAttrs[sysattr.FixedParams] != nil && len(first.Params) > 0 {
		body.First = first
	}
	for _, p := range t.Params {
		body.Params = append(body.Params, paramRow{Name: p.Name, Value: valueText(p.External()), Best: paramText(body.Best, p.Name),
			First: paramText(body.First, p.Name), Range: rangeText(p.Dist), Share: share(p)})
	}
	for _, key := range slices.Sorted(maps.Keys(t.Constraints)) {
		body.Constraint = append(body.Constraint, named{key, t.Constraints[key]})
	}
	if body.Checkpoint, err = s.checkpoint(r.Context(), now.study.ID, t.Number); err != nil {
		return err
	}
	if body.Asides, err = s.asides(r, now, t); err != nil {
		return err
	}
	body.Figures = trialFigures(now, t, body.Best)
	if len(t.Params) > 0 && (t.State != trial.Waiting || t.Paused()) {
		body.Why = s.why(r.Context(), now, t)
	}
	return s.page(w, r, http.StatusOK, "trial.html", view{Title: fmt.Sprintf("Trial %d · %s", t.Number, short(now.study.Name, 80)),
		Study: s.head(r, now), Live: events(now), Body: body})
}

// trialFigures are the curves of a trial, beside those of the best one.
func trialFigures(now *snapshot, t, best *trial.Trial) (list []figure) {
	if len(t.Reports) == 0 {
		return nil
	}
	query, number := fmt.Sprintf("?number=%d", t.Number), ""
	if best != nil {
		query += fmt.Sprintf("&number=%d", best.Number)
		number = strconv.Itoa(best.Number)
	}
	path := "/api/studies/" + strconv.FormatInt(now.study.ID, 10) + "/plots/"
	list = append(list, figure{Plot: "intermediate", Caption: "Reports", Source: path + "intermediate" + query,
		Best: number, Open: true, Fixed: true})
	if t.UserAttrs[lossesAttr] != nil {
		list = append(list, figure{Plot: "training", Caption: "Training and validation", Source: path + "training" + query,
			Best: number, Open: true, Fixed: true})
	}
	return list
}

// attrRows are attributes by name, as JSON except for texts.
func attrRows(attrs map[string]json.RawMessage) (rows []named) {
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		rows = append(rows, named{key, attrCell(attrs[key]).text})
	}
	return rows
}

// paramText is the value of a parameter of a trial, which may be nil or have none.
func paramText(t *trial.Trial, name string) string {
	if t == nil {
		return ""
	}
	p, ok := t.Param(name)
	if !ok {
		return ""
	}
	return valueText(p.External())
}

// rangeText describes what a parameter may be.
func rangeText(d space.Dist) string {
	switch d := d.(type) {
	case space.Float:
		return spanText(number(d.Low), number(d.High), d.Log, d.Step, number(d.Step))
	case space.Int:
		return spanText(strconv.Itoa(d.Low), strconv.Itoa(d.High), d.Log, float64(max(d.Step, 1)-1), strconv.Itoa(d.Step))
	case space.Categorical:
		var words []string
		for _, c := range d.Choices {
			words = append(words, distText(d, c))
		}
		return strings.Join(words, ", ")
	}
	return ""
}

func spanText(low, high string, log bool, stepped float64, step string) string {
	text := low + " to " + high
	if log {
		text += ", log"
	}
	if stepped > 0 {
		text += ", step " + step
	}
	return text
}

// share is where a value is in its range, on the scale on which it was searched.
func share(p trial.Param) float64 {
	if _, ok := p.Dist.(space.Categorical); ok || !p.Dist.Contains(p.Value) || p.Dist.Len() == 1 {
		return -1
	}
	return p.Dist.Unit(p.Value)
}

// checkpoint describes the checkpoint of a trial, "" if it has none.
func (s *Server) checkpoint(ctx context.Context, study int64, number int) (text string, err error) {
	err = s.file.use(ctx, func(db storage.Viewer) error {
		step, size, ok, err := db.CheckpointSize(ctx, study, number)
		if ok {
			text = fmt.Sprintf("step %d, %s", step, humanize.IBytes(uint64(size)))
		}
		return err
	})
	return text, err
}

// trialAPI answers with a trial for the box beside the pointer.
func (s *Server) trialAPI(w http.ResponseWriter, r *http.Request) error {
	_, t, err := s.trial(r)
	if err != nil {
		return err
	}
	type item struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	answer := struct {
		Number  int    `json:"number"`
		State   string `json:"state"`
		Params  []item `json:"params"`
		Failure string `json:"failure,omitempty"`
	}{t.Number, t.State.String(), []item{}, short(t.Failure(), 500)}
	for _, p := range t.Params {
		answer.Params = append(answer.Params, item{name(p.Name), short(show(p.External()), 100)})
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	send(w, r, http.StatusOK, "application/json", body)
	return nil
}
