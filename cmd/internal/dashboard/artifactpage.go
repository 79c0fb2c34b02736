package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard/artifacts"
	"github.com/bluefin-hpo/bluefin/storage"
)

// artifactsOf returns the artifacts of the study, or of the trial if the address has one.
func artifactsOf(ctx context.Context, db storage.Viewer, record storage.Study, r *http.Request) ([]artifacts.Artifact, error) {
	id, err := noteID(ctx, db, record.ID, r)
	if err != nil {
		return nil, err
	}
	if id == 0 {
		return artifacts.OfStudy(record.SystemAttrs), nil
	}
	number, _ := strconv.Atoi(r.PathValue("n")) // noteID has read it
	t, err := db.Trial(ctx, record.ID, number)
	if err != nil {
		return nil, err
	}
	return artifacts.OfTrial(record.SystemAttrs, t.SystemAttrs, id), nil
}

// artifact sends a file. Browsers store it and show nothing of it: it may be a page of a stranger.
func (s *Server) artifact(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	var found *artifacts.Artifact
	err = s.file.use(r.Context(), func(db storage.Viewer) error {
		record, err := record(r.Context(), db, now.study.ID)
		if err != nil {
			return err
		}
		all, err := artifactsOf(r.Context(), db, record, r)
		for _, a := range all {
			if a.ID == r.PathValue("artifact") {
				found = &a
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if found == nil {
		return statusf(http.StatusNotFound, "There is no such artifact.")
	}
	file, _, err := artifacts.Folder(s.cfg.ArtifactDir).Open(found.ID)
	if err != nil {
		return statusf(http.StatusNotFound, "%s", s.artifactMissing())
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", attachment(found.Filename))
	http.ServeContent(w, r, "", time.Time{}, file)
	return nil
}

func (s *Server) artifactMissing() string {
	if s.cfg.ArtifactDir == "" {
		return "Artifacts need bluefin dashboard --artifact-dir FOLDER."
	}
	return "The file is not in the folder of --artifact-dir."
}

// attachment is a header that has a file stored under a name, whatever characters that has.
func attachment(filename string) string {
	const longest = 4 << 10 // clients refuse longer headers
	if v := mime.FormatMediaType("attachment", map[string]string{"filename": filename}); v != "" && len(v) <= longest {
		return v
	}
	return "attachment"
}

// longestArtifact bounds the files that viewers attach, in bytes.
const longestArtifact = 1 << 30

// attach adds a file to the study, or to the trial that the address has.
func (s *Server) attach(w http.ResponseWriter, r *http.Request) error {
	back := studyPath(r)
	if r.PathValue("n") != "" {
		back = trialPath(r)
	}
	if r.Method != http.MethodPost {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
	folder := artifacts.Folder(s.cfg.ArtifactDir)
	if folder == "" {
		return statusf(http.StatusConflict, "%s", s.artifactMissing())
	}
	name, content, err := uploaded(w, r)
	if err != nil {
		return err
	}
	a, err := folder.Add(name, content)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return statusf(http.StatusRequestEntityTooLarge, "The file has more than %d MiB.", longestArtifact>>20)
	case err != nil:
		return badf("%s.", sentence(err))
	}
	key, value := a.Attr()
	attrs := map[string]json.RawMessage{key: value}
	err = s.change(r, func(ctx context.Context, db storage.Viewer, record storage.Study) error {
		if r.PathValue("n") == "" {
			return db.WriteStudy(ctx, record.ID, storage.StudyUpdate{SystemAttrs: attrs})
		}
		number, err := strconv.Atoi(r.PathValue("n"))
		if err != nil {
			return errNoPage
		}
		return db.Write(ctx, record.ID, number, storage.Update{SystemAttrs: attrs})
	})
	if err != nil {
		folder.Remove(a)
	}
	return s.told(w, r, err, back, "attached")
}

// uploaded returns the file of a form, without keeping it in memory.
func uploaded(w http.ResponseWriter, r *http.Request) (name string, content io.Reader, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, longestArtifact)
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, badf("The form has no file: %v.", err)
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return "", nil, badf("The form has no file.")
		}
		if part.FormName() == "file" {
			return part.FileName(), part, nil
		}
	}
}
