package api_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// planned creates a study that remembers a study.yaml, as bluefin create-study -f does.
func planned(t *testing.T, db storage.Storage, name, text string) {
	t.Helper()
	f, err := studyfile.Parse("study.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := db.Create(t.Context(), name, []trial.Direction{trial.Maximize})
	if err == nil {
		err = f.Save(t.Context(), db, s)
	}
	if err != nil {
		t.Fatal(err)
	}
}
