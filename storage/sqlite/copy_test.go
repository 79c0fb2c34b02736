package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A copy of Optuna's study has its attributes to the letter, also the list of
// constraints of version 4, and none of its constraints twice.
func TestCopyKeepsConstraintsAsTheyAreWritten(t *testing.T) {
	from := optunaFile(t)
	script(t, from, `
		INSERT INTO trial_system_attributes (trial_id, "key", value_json) VALUES (5, 'constraints:cost', '-1'), (7, 'constraints', 'null');`)
	a, b := open(t, from), open(t, filepath.Join(t.TempDir(), "copy.db"))
	defer a.Close()
	defer b.Close()
	for _, to := range []struct {
		*sqlite.DB
		name string
	}{{b, "s"}, {a, "t"}} {
		copyStudy(t, a, "s", to.DB, to.name)
		s, err := to.Export(t.Context(), to.name)
		if err != nil {
			t.Fatal(err)
		}
		attrs := map[int]string{}
		for _, tr := range s.Trials {
			for _, key := range []string{"constraints", "constraints:cost", "cma:generation"} {
				attrs[tr.Number] += string(tr.SystemAttrs[key]) + ";"
			}
			if _, doubled := tr.SystemAttrs["constraints:0"]; doubled {
				t.Errorf("trial %d has its constraints twice: %s", tr.Number, tr.SystemAttrs)
			}
		}
		if s.Directions[0] != trial.Maximize || attrs[0] != "[-1.5, 2];-1;4;" || attrs[2] != "null;;;" {
			t.Errorf("got %v, %v", s.Study, attrs)
		}
		if got := s.Trials[1].Constraints; len(got) != 3 || got["0"] != -1.5 || got["1"] != 2 || got["cost"] != -1 {
			t.Errorf("got constraints %v", got)
		}
	}
	if got := check(t, from); got != "" {
		t.Error(got)
	}
}

func copyStudy(t *testing.T, from *sqlite.DB, name string, to *sqlite.DB, newName string) {
	t.Helper()
	s, err := from.Export(t.Context(), name)
	if err == nil {
		s.Name = newName
		_, err = to.Import(t.Context(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportIsSound(t *testing.T) {
	path := richFile(t)
	db := open(t, path)
	copyStudy(t, db, "größe 日本", db, "copy")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := check(t, path); got != "" {
		t.Error(got)
	}
}
