package artifacts

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

func read(t *testing.T, f Folder, id string) string {
	t.Helper()
	file, size, err := f.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil || int64(len(text)) != size {
		t.Fatalf("%d bytes, %v, want %d", len(text), err, size)
	}
	return string(text)
}

func TestFilesOutsideOfTheFolderAreRefused(t *testing.T) {
	dir := t.TempDir()
	folder := Folder(filepath.Join(dir, "in"))
	if err := errors.Join(os.Mkdir(string(folder), 0o777), os.WriteFile(filepath.Join(dir, "abc"), []byte("secret"), 0o666),
		os.Mkdir(filepath.Join(string(folder), "dead"), 0o777)); err != nil {
		t.Fatal(err)
	}
	ids := []string{"", ".", "..", "../abc", filepath.Join(dir, "abc"), "abc", "dead", "a/../../abc", "ab\x00c", strings.Repeat("a", 100)}
	if os.Symlink(filepath.Join(dir, "abc"), filepath.Join(string(folder), "beef")) == nil {
		ids = append(ids, "beef")
	}
	for _, id := range ids {
		if f, _, err := folder.Open(id); err == nil {
			t.Errorf("Open(%q) succeeds: %s", id, f.Name())
		}
	}
	if _, _, err := Folder("").Open("abc"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
	for _, name := range []string{"", "/", "a/..", "..", strings.Repeat("x", 256), "\xff"} {
		if a, err := folder.Add(name, strings.NewReader("x")); err == nil {
			t.Errorf("Add(%q) makes %+v", name, a)
		}
	}
	a, err := folder.Add(`C:\x\e vil"ü.PNG`, strings.NewReader("bytes"))
	if err != nil || a.Filename != `e vil"ü.PNG` || a.MimeType != "image/png" || read(t, folder, a.ID) != "bytes" {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := folder.Add("x", io.MultiReader(strings.NewReader("half"), failing{})); err == nil {
		t.Error("half a file is accepted")
	}
	entries, _ := os.ReadDir(string(folder))
	for _, e := range entries {
		if name := e.Name(); name != "dead" && name != "beef" && name != a.ID {
			t.Errorf("%s is left of a file that could not be stored", name)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

// Anything may be in an attribute.
func TestDamagedAttributesAreLeftOut(t *testing.T) {
	attrs := map[string]json.RawMessage{
		"artifacts:a": []byte(`"{\"artifact_id\": \"a\", \"filename\": \"z\"}"`), "artifacts:b": []byte(`"null"`),
		"artifacts:c": []byte(`null`), "artifacts:d": []byte(`{"artifact_id": "d"}`), "artifacts:e": []byte(`"{\"artifact_id\": \"a\"}"`),
		"artifacts:../f": []byte(`"{\"artifact_id\": \"../f\"}"`), "artifacts:": []byte(`"{}"`),
	}
	if got := OfStudy(attrs); len(got) != 1 || got[0].Filename != "z" {
		t.Errorf("got %+v, want one", got)
	}
}

// Optuna reads our artifacts, and we read its.
func TestArtifactsOfOptuna(t *testing.T) {
	python := os.Getenv("BLUEFIN_PYTHON")
	if err := exec.Command(python, "-c", "import optuna_dashboard").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("BLUEFIN_PYTHON names no Python with optuna-dashboard: %v", err)
		}
		t.Skip("BLUEFIN_PYTHON names no Python with optuna-dashboard")
	}
	path, dir := filepath.Join(t.TempDir(), "s.db"), t.TempDir()
	run := func(mode string) string {
		t.Helper()
		out, err := exec.Command(python, filepath.Join("testdata", "artifacts.py"), mode, path, dir).Output()
		if err != nil {
			var exit *exec.ExitError
			errors.As(err, &exit)
			t.Fatalf("%s: %v: %s", mode, err, exit.Stderr)
		}
		return string(out)
	}
	run("write")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	load := func() (storage.Study, *trial.Trial, int64) {
		record, err := db.Load(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		tr, err := db.Trial(t.Context(), record.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		id, err := db.TrialID(t.Context(), record.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		return record, tr, id
	}
	record, tr, id := load()
	folder := Folder(dir)
	ofStudy, ofTrial := OfStudy(record.SystemAttrs), OfTrial(record.SystemAttrs, tr.SystemAttrs, id)
	if len(ofStudy) != 1 || ofStudy[0].Filename != "study.txt" || read(t, folder, ofStudy[0].ID) != "of the study" {
		t.Errorf("the study has %+v", ofStudy)
	}
	var names []string
	for _, a := range ofTrial {
		names = append(names, a.Filename)
	}
	if !slices.Equal(names, []string{"old.txt", "tar.tar.gz", "ü \"x\".png"}) { // the deleted one is gone
		t.Fatalf("the trial has %q", names)
	}
	if a := ofTrial[1]; a.MimeType != "application/x-tar" || a.Encoding == nil || *a.Encoding != "gzip" || read(t, folder, a.ID) != "\x1f\x8b" {
		t.Errorf("got %+v", a)
	}
	// Its own text is ours, byte for byte.
	if key, value := ofTrial[2].Attr(); string(tr.SystemAttrs[key]) != string(value) {
		t.Errorf("%s is %s, want %s", key, value, tr.SystemAttrs[key])
	}

	mine, err := folder.Add("mine ✓.json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	key, value := mine.Attr()
	u := map[string]json.RawMessage{key: value}
	if err := errors.Join(db.WriteStudy(t.Context(), record.ID, storage.StudyUpdate{SystemAttrs: u}),
		db.Write(t.Context(), record.ID, 0, storage.Update{SystemAttrs: u})); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	if err := json.Unmarshal([]byte(run("read")), &got); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, a := range got {
		if a[0] == "mine ✓.json" && a[1] == "application/json" && a[2] == "{}" {
			found++
		}
	}
	if found != 2 {
		t.Errorf("Optuna reads %q, want ours in the study and in the trial", got)
	}
}
