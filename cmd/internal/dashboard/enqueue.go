package dashboard

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// An enqueueBody is the form that queues a trial.
type enqueueBody struct {
	Fields []queueField
	Best   int    // whose values the fields have; -1: there is no best trial
	Error  string // why the values were refused
	Back   string
}

// A queueField is an input for one parameter.
type queueField struct {
	Key     string // in the form
	Name    string
	Text    string
	Range   string
	Int     bool
	Choices []choiceBox // of a parameter with choices, in place of a text
}

// enqueue shows the form, filled with the best trial's parameters, and queues what it sends.
func (s *Server) enqueue(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	dists := now.dists()
	body := enqueueBody{Best: -1, Back: studyPath(r)}
	texts, status := url.Values{}, http.StatusOK
	if r.Method == http.MethodPost {
		if texts, err = form(w, r); err != nil {
			return err
		}
		params, err := queued(texts, dists)
		if err == nil {
			number := 0
			err = s.changeStudy(r, func(ctx context.Context, st *study.Study) error {
				number, err = st.Enqueue(ctx, params)
				return err
			})
			return s.told(w, r, err, studyPath(r), "queued-"+strconv.Itoa(number))
		}
		body.Error, status = sentence(err)+".", http.StatusBadRequest
	} else if best := now.best(); len(best) > 0 {
		body.Best = best[0].Number
		for _, p := range best[0].Params {
			texts.Set("p."+p.Name, distText(dists[p.Name], p.External()))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dists)) {
		d := dists[name]
		f := queueField{Key: "p." + name, Name: name, Text: texts.Get("p." + name), Range: rangeText(d)}
		_, f.Int = d.(space.Int)
		if c, ok := d.(space.Categorical); ok {
			for _, choice := range c.Choices {
				text := distText(d, choice)
				f.Choices = append(f.Choices, choiceBox{text, text == f.Text && texts.Has(f.Key)})
			}
		}
		body.Fields = append(body.Fields, f)
	}
	return s.page(w, r, status, "enqueue.html", view{Title: "Queue a trial", Study: s.head(r, now), Body: body})
}

// dists returns the distribution of each parameter that the newest trials with it have: a search may
// have moved its ranges.
func (s *snapshot) dists() map[string]space.Dist {
	dists := map[string]space.Dist{}
	for _, t := range slices.Backward(s.trials) {
		for _, p := range t.Params {
			if dists[p.Name] == nil {
				dists[p.Name] = p.Dist
			}
		}
	}
	return dists
}

// distText is a value as a form has it: a number with all its digits, a text as it is, and a choice as
// JSON if it is empty, which leaves a parameter to the sampler, or another one looks the same, such as
// "1" beside 1.
func distText(d space.Dist, v any) string {
	text := valueText(v)
	if c, ok := d.(space.Categorical); ok {
		n := 0
		for _, choice := range c.Choices {
			if valueText(choice) == text {
				n++
			}
		}
		if encoded, err := pyjson.Marshal(v); (n > 1 || text == "") && err == nil {
			return string(encoded)
		}
	}
	return text
}

// oneEnd makes line ends alike: browsers send each as CRLF, also in names.
func oneEnd(text string) string { return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text) }

// queued reads the parameters of a form. Those without a value will be drawn.
func queued(form url.Values, dists map[string]space.Dist) (map[string]any, error) {
	names, params := map[string]string{}, map[string]any{}
	for name := range dists {
		names["p."+oneEnd(name)] = name
	}
	for _, key := range slices.Sorted(maps.Keys(form)) {
		name, ok := names[oneEnd(key)]
		if !ok {
			return nil, fmt.Errorf("there is no parameter %s", short(strings.TrimPrefix(key, "p."), 100))
		}
		d, text := dists[name], form.Get(key)
		if text == "" {
			continue
		}
		v, err := parseValue(d, text)
		if err == nil {
			_, err = d.Internal(v)
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %s is %s, want %s", short(name, 100), short(text, 100), short(rangeText(d), 300))
		}
		params[name] = v
	}
	return params, nil
}

// parseValue is the inverse of distText.
func parseValue(d space.Dist, text string) (any, error) {
	switch d := d.(type) {
	case space.Int:
		return strconv.Atoi(strings.TrimSpace(text))
	case space.Float:
		return strconv.ParseFloat(strings.TrimSpace(text), 64)
	case space.Categorical:
		for _, c := range d.Choices {
			if oneEnd(distText(d, c)) == oneEnd(text) {
				return c, nil
			}
		}
	}
	return nil, space.ErrInvalid
}
