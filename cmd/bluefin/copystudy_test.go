package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

// historyOf reads the history of a study.
func historyOf(t *testing.T, path, name string) trial.History {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := db.Load(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Since(t.Context(), s.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	log := trial.NewLog(s.Directions)
	for _, tr := range c.Trials {
		log.Put(tr)
	}
	return log.History()
}

// draws is what a sampler draws for the next trial of a history.
func draws(t *testing.T, s sampler.Sampler, h trial.History, params []trial.Param) string {
	t.Helper()
	request := func(stream uint64) sampler.Request {
		return sampler.NewRequest(h, &trial.Trial{Number: len(h.Finished())}, rand.New(rand.NewPCG(7, stream)))
	}
	text := ""
	if joint, ok := s.(sampler.JointSampler); ok {
		all, err := joint.SampleJoint(request(0))
		text = fmt.Sprint(all, err)
	}
	for i, p := range params {
		x, err := s.Sample(request(uint64(i)+1), p.Name, p.Dist)
		text += " " + p.Name + "=" + strconv.FormatFloat(x, 'g', -1, 64) + fmt.Sprint(err)
	}
	return text
}

// A study that was copied, and one that was exported and imported, has at every
// point the history of the original, and samplers draw the same from it.
func TestCopiesHaveTheSameHistoryAndDraws(t *testing.T) {
	dir := t.TempDir()
	original, copied, imported := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db"), filepath.Join(dir, "c.db")
	bluefin(t, "finetune", "--storage", original, "--trials", "24", "--workers", "3", "--durability", "normal")
	bluefin(t, "copy-study", "--from-storage", original, "--from-study-name", "digits", "--to-storage", copied)
	bluefin(t, "export-study", "--storage", original, "-o", filepath.Join(dir, "a.jsonl"))
	bluefin(t, "import-study", "--storage", imported, "-i", filepath.Join(dir, "a.jsonl"))
	want := historyOf(t, original, "digits")
	params := want.Finished()[0].Params
	if len(want.Finished()) != 24 || len(params) == 0 {
		t.Fatalf("got %d trials, %d parameters", len(want.Finished()), len(params))
	}
	for _, path := range []string{copied, imported} {
		got := historyOf(t, path, "digits")
		for n := range len(want.Finished()) + 1 {
			a, b := want.Before(n), got.Before(n)
			if n > 0 {
				if x, y := storagetest.Text(a.Finished()[n-1]), storagetest.Text(b.Finished()[n-1]); x != y {
					t.Fatalf("trial %d of finishing order: got\n%s, want\n%s", n, y, x)
				}
			}
			for name, s := range map[string][2]sampler.Sampler{"tpe": {&sampler.TPE{}, &sampler.TPE{}}, "cmaes": {&sampler.CMAES{}, &sampler.CMAES{}}} {
				if x, y := draws(t, s[0], a, params), draws(t, s[1], b, params); x != y {
					t.Fatalf("%s after %d trials: got\n%s, want\n%s", name, n, y, x)
				}
			}
		}
		if stdout, _, _ := status(t, "storage", "check", "--storage", path); stdout != "sound\n" {
			t.Error(stdout)
		}
	}
}

// Optuna sees of a copy of its own study what it sees of the study.
func TestOptunaSeesTheSameInCopies(t *testing.T) {
	python(t)
	const name = "größe 日本"
	dir := t.TempDir()
	original, copied, imported := filepath.Join(dir, "optuna.db"), filepath.Join(dir, "b.db"), filepath.Join(dir, "c.db")
	script(t, "make.py", original)
	if stdout, _, _ := status(t, "storage", "check", "--storage", original); stdout != "sound\n" {
		t.Errorf("Optuna's file: %s", stdout)
	}
	bluefin(t, "copy-study", "--from-storage", original, "--from-study-name", name, "--to-storage", copied)
	bluefin(t, "copy-study", "--from-storage", original, "--from-study-name", "two", "--to-storage", copied)
	bluefin(t, "export-study", "--storage", original, "--study-name", name, "-o", filepath.Join(dir, "a.jsonl"))
	bluefin(t, "import-study", "--storage", imported, "-i", filepath.Join(dir, "a.jsonl"))
	want := script(t, "dump.py", original, name)
	for _, path := range []string{copied, imported} {
		if got := script(t, "dump.py", path, name); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
		sameAsOptuna(t, path, name)
	}
	if got, want := script(t, "dump.py", copied, "two"), script(t, "dump.py", original, "two"); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	// A backup and an upgrade leave the study as it is.
	backup := filepath.Join(dir, "backup.db")
	bluefin(t, "storage", "backup", "--storage", original, "-o", backup)
	bluefin(t, "storage", "upgrade", "--storage", backup)
	if got := script(t, "dump.py", backup, name); got != want {
		t.Errorf("after a backup and an upgrade: got\n%s, want\n%s", got, want)
	}
	if stdout, _, _ := status(t, "storage", "check", "--storage", backup); stdout != "sound\n" {
		t.Errorf("the backup: %s", stdout)
	}
}
