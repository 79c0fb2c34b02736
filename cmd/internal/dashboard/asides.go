package dashboard

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard/artifacts"
	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard/notes"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// asides are what the pages of a study and of a trial show of what people and programs have added, and
// what viewers may change. The template of both is part_asides.html.
type asides struct {
	Path      string // of the page
	Write     bool
	Actions   []action
	Note      template.HTML
	Artifacts []artifactRow
	Missing   string // why some artifacts cannot be had; "": all are there
	Upload    bool
	Log       *logView
}

// An action leads to the page that asks.
type action struct{ Label, Href string }

// An artifactRow is a file.
type artifactRow struct {
	Name string
	Size int64  // negative: it is not there
	Href string // "" if it is not there
}

// asides returns those of the trial in the address, or of the study if t is nil.
func (s *Server) asides(r *http.Request, now *snapshot, t *trial.Trial) (a asides, err error) {
	a = asides{Path: studyPath(r), Write: s.cfg.AllowWrite}
	a.Actions = []action{{"Queue a trial", a.Path + "/enqueue"}, {"Stop the study", a.Path + "/stop"},
		{"Delete the study", a.Path + "/delete"}}
	a.Upload = s.cfg.AllowWrite && s.cfg.ArtifactDir != ""
	if t != nil {
		a.Path, a.Actions = trialPath(r), nil
		if t.State == trial.Running {
			a.Actions = []action{{"Stop the trial", a.Path + "/stop"}}
		}
		a.Upload = a.Upload && t.State == trial.Running // nothing of a finished trial changes
		a.Log = s.logView(r, t)
	}
	err = s.file.use(r.Context(), func(db storage.Viewer) error { return s.annotate(r.Context(), db, now, r, &a) })
	return a, err
}

// annotate reads the note and the artifacts.
func (s *Server) annotate(ctx context.Context, db storage.Viewer, now *snapshot, r *http.Request, a *asides) error {
	record, err := record(ctx, db, now.study.ID)
	if err != nil {
		return err
	}
	id, err := noteID(ctx, db, record.ID, r)
	if err != nil {
		return err
	}
	if n := notes.Of(record, id); n.Body != "" {
		a.Note = n.HTML()
	}
	all, err := artifactsOf(ctx, db, record, r)
	if err != nil {
		return err
	}
	for _, one := range all {
		row := artifactRow{Name: one.Filename, Size: -1}
		if file, size, err := artifacts.Folder(s.cfg.ArtifactDir).Open(one.ID); err == nil {
			file.Close()
			row.Size, row.Href = size, a.Path+"/artifacts/"+one.ID
		} else {
			a.Missing = s.artifactMissing()
		}
		a.Artifacts = append(a.Artifacts, row)
	}
	return nil
}

// lineOf returns how a trial ran its program, if it did.
func lineOf(t *trial.Trial) (line command.Line, ok bool) {
	err := json.Unmarshal(t.UserAttrs[command.LineAttr], &line)
	return line, err == nil && len(line.Args) > 0
}
