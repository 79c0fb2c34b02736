package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// What viewers may change with --allow-write. Each change has a page of its own with a form, which
// asks before anything happens and works without JavaScript, and a POST, which leads back.

type handler = func(http.ResponseWriter, *http.Request) error

func (s *Server) actionRoutes(page func(pattern string, h handler)) {
	for pattern, h := range map[string]handler{
		"/studies/{id}/stop":                 s.stopStudy,
		"/studies/{id}/delete":               s.deleteStudy,
		"/studies/{id}/enqueue":              s.enqueue,
		"/studies/{id}/note":                 s.editNote,
		"/studies/{id}/trials/{n}/stop":      s.stopTrial,
		"/studies/{id}/trials/{n}/note":      s.editNote,
		"/studies/{id}/artifacts":            s.attach,
		"/studies/{id}/trials/{n}/artifacts": s.attach,
	} {
		page("GET "+pattern, s.writes(h))
		page("POST "+pattern, s.writes(h))
	}
}

// writes returns h for viewers who may change the file.
func (s *Server) writes(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.cfg.AllowWrite {
			return statusf(http.StatusForbidden, "This dashboard only reads. bluefin dashboard --allow-write can change studies.")
		}
		return h(w, r)
	}
}

// form reads the form of a POST.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	const longest = 4 << 20 // a note is at most a third of it, since each byte may take three
	r.Body = http.MaxBytesReader(w, r.Body, longest)
	err := r.ParseForm()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, statusf(http.StatusRequestEntityTooLarge, "The form has more than %d MiB.", longest>>20)
	case err != nil:
		return nil, badf("The form cannot be read: %v.", err)
	}
	return r.PostForm, nil
}

// change calls do with the study in the address, as the file has it now.
func (s *Server) change(r *http.Request, do func(context.Context, storage.Viewer, storage.Study) error) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	// What a viewer has asked for is finished, though the connection breaks.
	ctx := context.WithoutCancel(r.Context())
	err = s.file.use(ctx, func(db storage.Viewer) error {
		record, err := record(ctx, db, now.study.ID)
		if err != nil {
			return err
		}
		return do(ctx, db, record)
	})
	switch {
	case errors.Is(err, storage.ErrFinished), errors.Is(err, storage.ErrLost):
		return statusf(http.StatusConflict, "%s.", sentence(err))
	case errors.Is(err, storage.ErrInvalid):
		return badf("%s.", sentence(err))
	}
	return err
}

// changeStudy is change, with the study opened.
func (s *Server) changeStudy(r *http.Request, do func(context.Context, *study.Study) error) error {
	return s.change(r, func(ctx context.Context, db storage.Viewer, record storage.Study) error {
		st, err := study.Load(ctx, study.Config{Name: record.Name, Storage: db, Logger: s.cfg.Logger})
		if err != nil {
			return err
		}
		return do(ctx, st)
	})
}

// A question asks before something is changed.
type question struct {
	Title  string
	Lines  []string
	Button string
	Sure   string // a box that must be ticked; "": none
	Back   string
}

// ask shows a question, whose form leads to the address that shows it.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, q question) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	return s.page(w, r, http.StatusOK, "confirm.html", view{Title: q.Title, Study: s.head(r, now), Body: q})
}

func studyPath(r *http.Request) string { return "/studies/" + r.PathValue("id") }

func trialPath(r *http.Request) string { return studyPath(r) + "/trials/" + r.PathValue("n") }

func (s *Server) stopStudy(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		err := s.changeStudy(r, func(ctx context.Context, st *study.Study) error { return st.StopAll(ctx) })
		return s.told(w, r, err, studyPath(r), "stopping")
	}
	return s.ask(w, r, question{Title: "Stop the study?", Button: "Stop the study", Back: studyPath(r), Lines: []string{
		"No worker of Bluefin starts another trial of it, on whatever machine. Trials that run now end first, and the " +
			"searches return as if they were complete. Workers of Optuna do not look.",
		"The same command resumes the search later."}})
}

func (s *Server) stopTrial(w http.ResponseWriter, r *http.Request) error {
	_, t, err := s.trial(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		err := s.changeStudy(r, func(ctx context.Context, st *study.Study) error {
			_, err := st.StopTrial(ctx, t.Number)
			return err
		})
		return s.told(w, r, err, trialPath(r), "stopped-"+strconv.Itoa(t.Number))
	}
	if t.State != trial.Running {
		return statusf(http.StatusConflict, "Trial %d does not run: it is %s.", t.Number, stateOf(t))
	}
	value := "It has no report yet, so it will have no value."
	if last, ok := t.LastReport(); ok {
		value = fmt.Sprintf("Its value will be its last report, %s at step %d.", number(last.Value), last.Step)
	}
	return s.ask(w, r, question{Title: fmt.Sprintf("Stop trial %d?", t.Number), Button: fmt.Sprintf("Stop trial %d", t.Number),
		Back: trialPath(r), Lines: []string{"The trial ends as pruned. " + value,
			"Its program is asked to end, and killed after the grace period. Its worker runs the next trial. A worker of " +
				"Optuna notices nothing and trains on."}})
}

func (s *Server) deleteStudy(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		values, err := form(w, r)
		if err != nil {
			return err
		}
		if values.Get("sure") != "yes" {
			return badf("The box is not ticked, so nothing was deleted.")
		}
		err = s.change(r, func(ctx context.Context, db storage.Viewer, record storage.Study) error {
			return db.Delete(ctx, record.ID)
		})
		return s.told(w, r, err, "/", "deleted")
	}
	lines := []string{fmt.Sprintf("It has %s trials, which cannot be restored. Files in the folders of its trials stay.",
		counted(max(len(now.trials), now.total)))}
	if n := now.states()[trial.Running]; n > 0 {
		lines = append(lines, fmt.Sprintf("%s of them run now: their workers will end with an error. Stop the study first.",
			counted(n)))
	}
	return s.ask(w, r, question{Title: "Delete the study?", Lines: lines, Button: "Delete the study",
		Sure: "Yes, delete it with all its trials", Back: studyPath(r)})
}

// doneCookie tells the next page what was done. The query would keep it in bookmarks.
const doneCookie = "bluefin_done"

// told leads back to a page that says what was done, unless there was an error.
func (s *Server) told(w http.ResponseWriter, r *http.Request, err error, to, what string) error {
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: doneCookie, Value: what, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(time.Minute / time.Second)})
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// takeDone returns what the page before has done, once.
func takeDone(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(doneCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: doneCookie, Path: "/", MaxAge: -1})
	what, number, _ := strings.Cut(c.Value, "-")
	if _, err := strconv.Atoi(number); err != nil {
		number = ""
	}
	switch what {
	case "stopping":
		return "The study stops: no worker starts another trial."
	case "stopped":
		return "Trial " + number + " is stopped. Its program may take a moment to end."
	case "queued":
		return "Trial " + number + " is queued."
	case "noted":
		return "The note is saved."
	case "attached":
		return "The file is attached."
	case "deleted":
		return "The study is deleted."
	}
	return ""
}
