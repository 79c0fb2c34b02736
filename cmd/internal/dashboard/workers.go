package dashboard

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A workerRow is a running trial with who runs it.
type workerRow struct {
	Host  string // "": unknown
	PID   int
	State string // alive, gone, expired or unknown
	Trial int
	Since time.Duration
	Last  *trial.Report
	Left  time.Duration // of the lease; 0 without one
	Slot  string        // what it has for itself, such as CUDA_VISIBLE_DEVICES=1
}

// workersBody is the page of workers.
type workersBody struct {
	Rows    []workerRow
	Workers int // processes that are alive, as far as is known
}

// workersPage shows who runs which trial.
func (s *Server) workersPage(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	var workers map[int]storage.Worker
	err = s.file.use(r.Context(), func(db storage.Viewer) error {
		workers, err = db.Workers(r.Context(), now.study.ID)
		return err
	})
	if err != nil {
		return err
	}
	var body workersBody
	alive := map[string]bool{}
	for _, t := range now.history.Running() {
		worker, leased := workers[t.Number]
		row := workerRow{Host: worker.Host, PID: worker.PID, Trial: t.Number, Since: time.Since(t.Start), Left: worker.Left,
			State: workerState(worker, leased)}
		if last, ok := t.LastReport(); ok {
			row.Last = &last
		}
		if line, ok := lineOf(t); ok {
			row.Slot = strings.Join(line.Slot, " ")
		}
		if row.State == "alive" {
			alive[row.Process()] = true
		}
		body.Rows = append(body.Rows, row)
	}
	slices.SortFunc(body.Rows, func(a, b workerRow) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Trial, b.Trial))
	})
	body.Workers = len(alive)
	return s.page(w, r, http.StatusOK, "workers.html", view{Title: "Workers", Study: s.head(r, now), Live: events(now), Body: body})
}

// Process names the process of a row, "" if it is unknown.
func (r workerRow) Process() string {
	if r.Host == "" {
		return ""
	}
	return r.Host + " " + strconv.Itoa(r.PID)
}

// workerState says what is known of a worker.
func workerState(w storage.Worker, leased bool) string {
	switch {
	case !leased:
		return "unknown" // Optuna's have no lease
	case w.Gone:
		return "gone"
	case w.Left <= 0:
		return "expired"
	}
	return "alive"
}
