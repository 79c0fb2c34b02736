package dashboard

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mostCompared is how many studies are compared at most: more lines cannot be told apart.
const mostCompared = 12

// A compareBody is what the page that compares studies shows.
type compareBody struct {
	Studies []comparedStudy
	Rows    []compareRow
	Figures []figure
}

// A comparedStudy is one column of the page.
type comparedStudy struct {
	ID    int64
	Name  string
	Best  *trial.Trial
	Goal  string // "minimize loss"
	Count int    // finished trials
}

// A compareRow is one line, with a cell for each study.
type compareRow struct {
	Name  string
	Cells []string
	Param bool
}

// compared returns the snapshots of the studies in the query.
func (s *Server) compared(r *http.Request) (list []*snapshot, err error) {
	var ids []int64
	for _, text := range r.URL.Query()["study"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, badf("study is %q, want the number of a study.", text)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) == 0:
		return nil, badf("Choose the studies to compare in the list of studies.")
	case len(ids) > mostCompared:
		return nil, badf("%d studies are chosen, want at most %d.", len(ids), mostCompared)
	}
	for _, id := range ids {
		now, err := s.byID(r, id)
		if err != nil {
			return nil, err
		}
		list = append(list, now)
	}
	return list, nil
}

// comparePage shows studies side by side.
func (s *Server) comparePage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.compared(r)
	if err != nil {
		return err
	}
	var body compareBody
	query := url.Values{}
	for _, now := range list {
		query.Add("study", strconv.FormatInt(now.study.ID, 10))
		one := comparedStudy{ID: now.study.ID, Name: now.study.Name, Count: len(now.history.Finished())}
		var goals []string
		for i, d := range now.study.Directions {
			goals = append(goals, d.String()+" "+name(now.objectives()[i]))
		}
		one.Goal = strings.Join(goals, ", ")
		if best := now.best(); len(best) > 0 {
			one.Best = best[0]
		}
		body.Studies = append(body.Studies, one)
	}
	body.Figures = []figure{
		{Plot: "compare-history", Caption: "Best so far", Source: "/api/compare/history?" + query.Encode(), Open: true, Fixed: true},
		{Plot: "edf", Caption: "Distribution of values", Source: "/api/compare/edf?" + query.Encode(), Open: true, Fixed: true},
	}
	body.Rows = compareRows(list, body.Studies)
	return s.page(w, r, http.StatusOK, "compare.html", view{Title: "Compare", Live: "/api/events", Body: body})
}

// compareRows are the values and the parameters of the best trials.
func compareRows(list []*snapshot, studies []comparedStudy) (rows []compareRow) {
	params, objectives := map[string]bool{}, 0
	for i, now := range list {
		objectives = max(objectives, len(now.study.Directions))
		if best := studies[i].Best; best != nil {
			for _, p := range best.Params {
				params[p.Name] = true
			}
		}
	}
	for k := range objectives {
		row := compareRow{Name: "Value"}
		if objectives > 1 {
			row.Name = fmt.Sprintf("Value %d", k)
		}
		for i, now := range list {
			text := ""
			if best := studies[i].Best; best != nil && k < len(best.Values) {
				text = number(best.Values[k])
				if name := now.objectives()[k]; name != "value" {
					text += " (" + short(name, 40) + ")"
				}
			}
			row.Cells = append(row.Cells, text)
		}
		rows = append(rows, row)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		row := compareRow{Name: name, Param: true}
		for i := range list {
			text := ""
			if best := studies[i].Best; best != nil {
				if p, ok := best.Param(name); ok {
					text = short(show(p.External()), 100)
				}
			}
			row.Cells = append(row.Cells, text)
		}
		rows = append(rows, row)
	}
	return rows
}

// compareAPI answers with the data of a plot of several studies.
func (s *Server) compareAPI(w http.ResponseWriter, r *http.Request) error {
	list, err := s.compared(r)
	if err != nil {
		return err
	}
	type named struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
		Plot any    `json:"plot"`
	}
	var answer struct {
		Plot  any     `json:"plot,omitempty"`
		Plots []named `json:"plots,omitempty"`
	}
	switch r.PathValue("name") {
	case "history":
		for _, now := range list {
			p, err := plot.History(plot.Thin(now.history, mostPoints/len(list)), plot.Config{Names: now.objectives()})
			if err != nil {
				return badf("%s.", sentence(err))
			}
			answer.Plots = append(answer.Plots, named{now.study.ID, now.study.Name, p})
		}
	case "edf":
		var studies []plot.Study
		for _, now := range list {
			studies = append(studies, plot.Study{Name: now.study.Name, History: now.history})
		}
		var c plot.Config
		if names := list[0].objectives(); !slices.ContainsFunc(list, func(now *snapshot) bool {
			return !slices.Equal(now.objectives(), names)
		}) {
			c.Names = names
		}
		if answer.Plot, err = plot.EDF(c, studies...); err != nil {
			return badf("%s.", sentence(err))
		}
	default:
		return statusf(http.StatusNotFound, "There is no plot %q of several studies.", r.PathValue("name"))
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	send(w, r, http.StatusOK, "application/json", body)
	return nil
}
