package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard/notes"
	"github.com/bluefin-hpo/bluefin/storage"
)

// A noteBody is the form that edits a note.
type noteBody struct {
	Text    string // in the form
	Version int    // that the text replaces
	Error   string
	Stored  *notes.Note // what somebody else has saved meanwhile; nil: nobody has
	Back    string
}

// editNote shows and saves the note of a study, or of a trial if the address has one. A text that
// replaces a version which the viewer has not seen is not saved but shown beside the newer one.
func (s *Server) editNote(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	title, body := "Note on the study", noteBody{Back: studyPath(r)}
	if r.PathValue("n") != "" {
		title, body.Back = "Note on trial "+r.PathValue("n"), trialPath(r)
	}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		values, err := form(w, r)
		if err != nil {
			return err
		}
		seen, err := strconv.Atoi(values.Get("version"))
		if err != nil {
			return badf("The version of the note is %.40q, want a number.", values.Get("version"))
		}
		body.Text = values.Get("note")
		err = s.change(r, func(ctx context.Context, db storage.Viewer, record storage.Study) error {
			id, err := noteID(ctx, db, record.ID, r)
			if err != nil {
				return err
			}
			if notes.Of(record, id).Version != seen {
				return storage.ErrChanged
			}
			u, err := notes.Update(record, id, body.Text)
			if err != nil {
				return badf("%s.", sentence(err))
			}
			return db.WriteStudy(ctx, record.ID, u)
		})
		if !errors.Is(err, storage.ErrChanged) {
			return s.told(w, r, err, body.Back, "noted")
		}
		status, body.Error = http.StatusConflict, "Somebody else has saved the note meanwhile, so yours was not saved. "+
			"Saving it now replaces theirs, which is below."
	}
	err = s.file.use(r.Context(), func(db storage.Viewer) error {
		id, err := noteID(r.Context(), db, now.study.ID, r)
		if err != nil {
			return err
		}
		record, err := record(r.Context(), db, now.study.ID)
		if err != nil {
			return err
		}
		stored := notes.Of(record, id)
		if body.Version = stored.Version; body.Error == "" {
			body.Text = stored.Body
		} else {
			body.Stored = &stored
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.page(w, r, status, "note.html", view{Title: title, Study: s.head(r, now), Body: body})
}

// noteID is the ID of the trial in the address, or 0 if it has none.
func noteID(ctx context.Context, db storage.Viewer, study int64, r *http.Request) (int64, error) {
	text := r.PathValue("n")
	if text == "" {
		return 0, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("trial %s: %w", text, storage.ErrNotExist)
	}
	return db.TrialID(ctx, study, number)
}
