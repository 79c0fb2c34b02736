package dashboard

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A studyList keeps what the list of studies shows, as long as it is right.
type studyList struct {
	file *file
	mu   sync.Mutex
	rows map[int64]studyRow
}

func newStudyList(f *file) *studyList { return &studyList{file: f, rows: map[int64]studyRow{}} }

// A studyRow is a study in the list.
type studyRow struct {
	ID         int64
	Name       string
	Directions []trial.Direction
	States     map[trial.State]int
	Total      int
	Changed    time.Time
	Best       *trial.Trial // by the first objective; nil if there is none
	Spark      string       // the points of a polyline in a box of 100 by 20
	revision   int64
}

// Count returns how many trials are in a state, by Optuna's name.
func (r studyRow) Count(state string) int {
	s, _ := trial.ParseState(state) // of our templates
	return r.States[s]
}

// all returns the rows of the studies that are shown.
func (l *studyList) all(ctx context.Context, only string) (rows []studyRow, err error) {
	err = l.file.use(ctx, func(db storage.Viewer) error {
		studies, err := db.Studies(ctx)
		if err != nil {
			return err
		}
		for _, s := range studies {
			if only != "" && s.Name != only {
				continue
			}
			row, err := l.row(ctx, db, s)
			if err != nil {
				return fmt.Errorf("study %q: %w", s.Name, err)
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// row returns the row of a study, from memory if nothing has changed.
func (l *studyList) row(ctx context.Context, db storage.Viewer, s storage.Study) (studyRow, error) {
	tally, err := db.Tally(ctx, s.ID)
	if err != nil {
		return studyRow{}, err
	}
	l.mu.Lock()
	row, ok := l.rows[s.ID]
	l.mu.Unlock()
	if ok && row.Name == s.Name && row.revision == tally.Revision && row.Changed.Equal(tally.Changed) && tracked(db) {
		return row, nil
	}
	row = studyRow{ID: s.ID, Name: s.Name, Directions: s.Directions, States: tally.States, Changed: tally.Changed,
		revision: tally.Revision}
	for _, n := range tally.States {
		row.Total += n
	}
	if tally.States[trial.Complete] > 0 {
		if row.Best, row.Spark, err = bestSoFar(ctx, db, s); err != nil {
			return row, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows[s.ID] = row
	return row, nil
}

// bestSoFar returns the best trial and the line of the best value so far. Only trials that are better
// than all before are read, to see whether they are feasible.
func bestSoFar(ctx context.Context, db storage.Viewer, s storage.Study) (best *trial.Trial, line string, err error) {
	numbers, values, err := db.Values(ctx, s.ID)
	if err != nil {
		return nil, "", err
	}
	var at []int
	var bests []float64
	for i, v := range values {
		if best != nil && !s.Directions[0].Better(v, best.Values[0]) {
			continue
		}
		t, err := db.Trial(ctx, s.ID, numbers[i])
		if err != nil {
			return nil, "", err
		}
		if t.Violation() == 0 && len(t.Values) > 0 {
			best = t
			if !math.IsInf(v, 0) { // which a line cannot show
				at, bests = append(at, i), append(bests, v)
			}
		}
	}
	return best, sparkline(at, bests, len(values)), nil
}

// sparkline draws steps in a box of 100 by 20, better values higher for minimizing and lower else:
// as the values are.
func sparkline(at []int, values []float64, n int) string {
	if len(values) == 0 {
		return ""
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	y := func(v float64) float64 {
		if !(high > low) {
			return 10
		}
		return 19 - 18*(v-low)/(high-low)
	}
	x := func(i int) float64 { return 100 * float64(i) / float64(max(1, n-1)) }
	var b strings.Builder
	for k, v := range values {
		if k > 0 {
			fmt.Fprintf(&b, " %.1f,%.1f", x(at[k]), y(values[k-1]))
		}
		fmt.Fprintf(&b, " %.1f,%.1f", x(at[k]), y(v))
	}
	fmt.Fprintf(&b, " 100,%.1f", y(values[len(values)-1]))
	return strings.TrimSpace(b.String())
}

// studiesPage lists the studies.
func (s *Server) studiesPage(w http.ResponseWriter, r *http.Request) error {
	rows, err := s.list.all(r.Context(), s.cfg.Study)
	if err != nil {
		return err
	}
	columns, err := sortStudies(rows, r.URL.Query())
	if err != nil {
		return err
	}
	return s.page(w, r, http.StatusOK, "studies.html", view{Title: "Studies", Live: "/api/events",
		Body: struct {
			Path    string
			Columns []studyColumn
			Rows    []studyRow
		}{s.cfg.Path, columns, rows}})
}

// Page returns the address of the page of a study, without a host. For "" that is the only study of the
// file, or else the list.
func (s *Server) Page(ctx context.Context, name string) (page string, err error) {
	err = s.file.use(ctx, func(db storage.Viewer) error {
		if name != "" {
			one, err := db.Load(ctx, name)
			page = fmt.Sprintf("/studies/%d", one.ID)
			return err
		}
		all, err := db.Studies(ctx)
		if page = "/"; len(all) == 1 {
			page = fmt.Sprintf("/studies/%d", all[0].ID)
		}
		return err
	})
	return page, err
}

// mayShow fails if a study is not among those that are shown.
func (s *Server) mayShow(ctx context.Context, id int64) error {
	if s.cfg.Study == "" {
		return nil
	}
	return s.file.use(ctx, func(db storage.Viewer) error {
		one, err := db.Load(ctx, s.cfg.Study)
		if err == nil && one.ID != id {
			err = fmt.Errorf("study %d: %w", id, storage.ErrNotExist)
		}
		return err
	})
}
