package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

var minimize = []trial.Direction{trial.Minimize}

// script runs SQL on a file as another program would.
func script(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// optunaFile makes a file as Optuna does, with three trials: one complete, one
// waiting, one failed before the first was complete.
func optunaFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "optuna.db")
	ddl, err := os.ReadFile("optuna.sql")
	if err != nil {
		t.Fatal(err)
	}
	script(t, path, string(ddl)+`
		INSERT INTO version_info VALUES (1, 12, '4.9.0');
		INSERT INTO alembic_version VALUES ('v3.2.0.a');
		INSERT INTO studies VALUES (3, 's');
		INSERT INTO study_directions VALUES (1, 'MAXIMIZE', 3, 0);
		INSERT INTO trials VALUES (5, 0, 3, 'COMPLETE', '2026-01-01 10:00:00.000001', '2026-01-01 10:00:02.5'),
			(6, 1, 3, 'WAITING', NULL, NULL), (7, 2, 3, 'FAIL', '2026-01-01 10:00:00', '2026-01-01 10:00:01.000000');
		INSERT INTO trial_params VALUES (1, 5, 'b', 0.5, '{"name": "UniformDistribution", "attributes": {"low": 0, "high": 1}}'),
			(3, 5, 'wide', 9e18, '{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 9223372036854775807}}'),
			(2, 5, 'a', 1.0, '{"name": "CategoricalDistribution", "attributes": {"choices": [null, NaN]}}');
		INSERT INTO trial_values VALUES (1, 5, 0, NULL, 'INF_NEG');
		INSERT INTO trial_system_attributes VALUES (1, 5, 'constraints', '[-1.5, 2]'), (2, 5, 'cma:generation', '4');`)
	return path
}

func TestOptunaFileGainsOurTablesWhenWritten(t *testing.T) {
	path := optunaFile(t)
	original, _ := os.ReadFile(path)
	check := func(o sqlite.Options) *sqlite.DB {
		db, err := sqlite.Open(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := db.Load(t.Context(), "s")
		if err != nil || s.Directions[0] != trial.Maximize {
			t.Fatal(s, err)
		}
		c, err := db.Since(t.Context(), s.ID, 0)
		if err != nil || len(c.Trials) != 3 {
			t.Fatal(c, err)
		}
		order := []int{c.Trials[0].Number, c.Trials[1].Number, c.Trials[2].Number}
		if fmt.Sprint(order) != "[2 0 1]" {
			t.Errorf("finished trials come in the order of their end: got %v", order)
		}
		tr := c.Trials[1]
		if got := fmt.Sprintln(tr.Params[0].Name, tr.Params[1].Name, tr.Values, tr.Constraints, string(tr.SystemAttrs["cma:generation"]), tr.End.Sub(tr.Start)); got != "b a [-Inf] map[0:-1.5 1:2] 4 2.499999s\n" {
			t.Errorf("got %s", got)
		}
		if late := c.Trials[2]; late.Seen != 0 || tr.Seen != 0 || c.Trials[0].Seen != 0 {
			t.Errorf("Seen is how many had finished at the start: got %d, %d, %d", c.Trials[0].Seen, tr.Seen, late.Seen)
		}
		return db
	}
	check(sqlite.Options{ReadOnly: true}).Close()
	if now, _ := os.ReadFile(path); !bytes.Equal(now, original) {
		t.Error("reading has changed the file")
	}
	db := check(sqlite.Options{MustExist: true})
	defer db.Close()
	s, _ := db.Load(t.Context(), "s")
	first, err := db.Begin(t.Context(), s.ID, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}})
	if err != nil || first.Number != 1 {
		t.Fatalf("the queued trial is begun first: got %+v, %v", first, err)
	}
	next, err := db.Begin(t.Context(), s.ID, storage.Claim{Lease: storage.Lease{Owner: "v", Duration: time.Hour}})
	if err != nil || next.Number != 3 {
		t.Fatalf("numbers continue: got %+v, %v", next, err)
	}
	// A change by another program is seen.
	c, _ := db.Since(t.Context(), s.ID, 0)
	script(t, path, `UPDATE trials SET state = 'FAIL', datetime_complete = '2026-01-01 10:00:03.000000' WHERE number = 3;`)
	c, err = db.Since(t.Context(), s.ID, c.Revision)
	if err != nil || len(c.Trials) != 1 || c.Trials[0].Number != 3 || c.Trials[0].State != trial.Failed {
		t.Errorf("got %+v, %v", c, err)
	}
	if err := db.Write(t.Context(), s.ID, 3, storage.Update{Owner: "v"}); !errors.Is(err, storage.ErrFinished) {
		t.Errorf("a trial that another program has failed: got %v", err)
	}
}

// How many trials had finished when one began follows from the times.
func TestWhatOptunasTrialsHadSeen(t *testing.T) {
	path := optunaFile(t)
	script(t, path, `INSERT INTO trials VALUES
		(8, 3, 3, 'COMPLETE', '2026-01-01 10:00:01.500000', '2026-01-01 10:00:09.000000'),
		(9, 4, 3, 'RUNNING', '2026-01-01 10:00:02.500000', NULL),
		(10, 5, 3, 'RUNNING', '2026-01-01 10:00:09.000000', NULL);
		INSERT INTO trial_values VALUES (2, 8, 0, 1, 'FINITE');`)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Since(t.Context(), 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]int, 6)
	for _, tr := range c.Trials {
		seen[tr.Number] = tr.Seen
	}
	if want := []int{0, 0, 0, 1, 2, 3}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

func TestFilesThatAreNotOurs(t *testing.T) {
	for name, test := range map[string]struct {
		change string // SQL on an Optuna file
		want   string
	}{
		"an older revision":               {`UPDATE alembic_version SET version_num = 'v3.0.0.d'`, "optuna storage upgrade"},
		"a newer Bluefin":                 {`CREATE TABLE bluefin_version (version); INSERT INTO bluefin_version VALUES (2)`, "use a newer Bluefin"},
		"an unknown state":                {`UPDATE trials SET state = 'Complete' WHERE number = 0`, `state is "Complete"`},
		"a bad time":                      {`UPDATE trials SET datetime_start = 'yesterday' WHERE number = 0`, "trial 0"},
		"a choice out of range":           {`UPDATE trial_params SET param_value = 2 WHERE param_name = 'a'`, `parameter "a" is choice 2`},
		"a distribution that is not JSON": {`UPDATE trial_params SET distribution_json = '{' WHERE param_name = 'a'`, "trial 0"},
		"a value without number":          {`UPDATE trial_values SET value_type = 'FINITE'`, "trial 0"},
		"a complete trial without value":  {`DELETE FROM trial_values`, "trial 0 is COMPLETE with 0 values, want 1"},
		"an unknown direction":            {`UPDATE study_directions SET direction = 'UP'`, `direction is "up"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := optunaFile(t)
			script(t, path, test.change)
			for _, o := range []sqlite.Options{{ReadOnly: true}, {}} {
				err := func() error {
					db, err := sqlite.Open(t.Context(), path, o)
					if err != nil {
						return err
					}
					defer db.Close()
					s, err := db.Load(t.Context(), "s")
					if err == nil {
						_, err = db.Since(t.Context(), s.ID, 0)
					}
					return err
				}()
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%+v: got %v, want %q", o, err, test.want)
				}
			}
		})
	}
	path := filepath.Join(t.TempDir(), "other.db")
	script(t, path, `CREATE TABLE customers (id)`)
	if _, err := sqlite.Open(t.Context(), path, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("another program's database: got %v", err)
	}
	for _, o := range []sqlite.Options{{ReadOnly: true}, {MustExist: true}} {
		missing := filepath.Join(t.TempDir(), "missing.db")
		if _, err := sqlite.Open(t.Context(), missing, o); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file: got %v", err)
		}
		if _, err := os.Stat(missing); err == nil {
			t.Error("a missing file was made")
		}
	}
}

// What Optuna may save and we cannot hold is named, and no word is said
// against the file.
func TestParametersThatWeCannotHold(t *testing.T) {
	const wide = `{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 1000000000000000000000000000000}}`
	for text, want := range map[string]string{
		wide: `"high" is 1e+30, want an integer of at most 64 bits`,
		`{"name": "IntDistribution", "attributes": {"step": 36893488147419103232, "low": 0, "high": 9}}`: `"step" is 3.6893488147419103e+19, want an integer of at most 64 bits`,
		strings.Replace(wide, `"low": 0`, `"low": 1e400`, 1):                                             `"low" is +Inf, want an integer of at most 64 bits`,
		`{"name": "PermutationDistribution", "attributes": {"n": 4}}`:                                    `its type is "PermutationDistribution"`,
		`{"name": "IntDistribution", "attributes": {"high": 0.5, "low": 0}}`:                             `"high" is 0.5, want an integer`,
		`{"name": "FloatDistribution", "attributes": {"low": "a", "high": 1, "log": false}}`:             `"low" is "a", want a number`,
		`{"name": "FloatDistribution", "attributes": [1]}`:                                               `"low" is missing`,
		`{"name": "CategoricalDistribution", "attributes": {"choices": {}}}`:                             `"choices" is missing or not a list`,
		`["FloatDistribution"]`: "want a JSON object",
	} {
		path := optunaFile(t)
		script(t, path, `UPDATE trial_params SET distribution_json = '`+text+`' WHERE param_name = 'b'`)
		want := `study "s": trial 0: parameter "b": distribution ` + text + ": " + want
		_, err := count(t.Context(), path, sqlite.Options{ReadOnly: true})
		if err == nil || !strings.HasPrefix(err.Error(), want) || errors.Is(err, sqlite.ErrCorrupt) {
			t.Errorf("got  %v,\nwant %s", err, want)
		}
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Errorf("its other studies can be used: %v", err)
			continue
		}
		if _, err := db.Create(t.Context(), "other", minimize); err != nil {
			t.Error(err)
		}
		db.Close()
	}
	// An infinite float is held as it is.
	path := optunaFile(t)
	script(t, path, `UPDATE trial_params SET distribution_json = '{"name": "FloatDistribution", "attributes": {"low": -1e400, "high": Infinity, "step": null, "log": false}}' WHERE param_name = 'b'`)
	if n, err := count(t.Context(), path, sqlite.Options{ReadOnly: true}); n != 3 || err != nil {
		t.Errorf("got %d trials, %v", n, err)
	}
}

// A file with a part cut off or overwritten is an error, never a panic and
// never a shorter study.
func TestDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	s, err := db.Create(t.Context(), "s", minimize)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if _, err := db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{float64(i)},
			Params: []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for name, content := range map[string][]byte{
		"cut to half":  whole[:len(whole)/2],
		"cut by a bit": whole[:len(whole)-100],
		"no head":      append(make([]byte, 100), whole[100:]...),
		"zeroed page":  append(append(bytes.Clone(whole[:8192]), make([]byte, 4096)...), whole[12288:]...),
		"noise":        append(bytes.Clone(whole[:4096]), bytes.Repeat([]byte{0xa5}, len(whole)-4096)...),
	} {
		path := filepath.Join(t.TempDir(), "study.db")
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, o := range []sqlite.Options{{ReadOnly: true}, {MustExist: true}} {
			n, err := count(t.Context(), path, o)
			if err == nil && n != 200 {
				t.Errorf("%s, %+v: %d of 200 trials and no error", name, o, n)
			}
			if err != nil && !errors.Is(err, sqlite.ErrCorrupt) && !strings.Contains(err.Error(), "another program") {
				t.Errorf("%s, %+v: got %v, want ErrCorrupt", name, o, err)
			}
			if err != nil {
				damaged++
			}
		}
	}
	if damaged < 8 {
		t.Errorf("only %d of 10 damaged files were noticed", damaged)
	}
}

// A bit that flips is an error or goes unnoticed in a value; it never makes a
// panic, a hang or a shorter study.
func TestFlippedBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	s, err := db.Create(t.Context(), "s", minimize)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1},
			Params: []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for seed := range uint64(80) {
		random := rand.New(rand.NewPCG(seed, 0))
		flipped := bytes.Clone(whole)
		for range 1 + random.IntN(8) {
			flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
		}
		path := filepath.Join(t.TempDir(), "study.db")
		if err := os.WriteFile(path, flipped, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, o := range []sqlite.Options{{ReadOnly: true}, {MustExist: true}} {
			n, err := count(t.Context(), path, o)
			if err != nil {
				noticed++
			} else if n != 100 {
				t.Errorf("seed %d, %+v: %d of 100 trials and no error", seed, o, n)
			}
		}
	}
	t.Logf("%d of 160 readings of damaged files ended with an error", noticed)
	if noticed == 0 {
		t.Error("no flipped bit was noticed")
	}
}

func count(ctx context.Context, path string, o sqlite.Options) (int, error) {
	db, err := sqlite.Open(ctx, path, o)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	s, err := db.Load(ctx, "s")
	if err != nil {
		return 0, err
	}
	c, err := db.Since(ctx, s.ID, 0)
	return len(c.Trials), err
}

func TestWaitingForTheLockObeysTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	db := open(t, path)
	defer db.Close()
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	why := errors.New("no patience")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, why)
	defer cancel()
	if _, err := db.Create(ctx, "s", minimize); !errors.Is(err, why) {
		t.Errorf("got %v, want the cause", err)
	}
	done := make(chan error)
	go func() {
		_, err := db.Create(t.Context(), "s", minimize)
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	if _, err := other.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("a writer that waited for its turn: got %v", err)
	}
}

// A trial that an Optuna worker has left is judged by its heartbeat, if it has
// one, each study by itself.
func TestHeartbeatsOfOptuna(t *testing.T) {
	path := optunaFile(t)
	script(t, path, `
		INSERT INTO studies VALUES (4, 'other');
		INSERT INTO study_directions VALUES (2, 'MINIMIZE', 4, 0);
		INSERT INTO trials VALUES (8, 3, 3, 'RUNNING', '2026-01-01 10:00:03.000000', NULL), (9, 4, 3, 'RUNNING', '2026-01-01 10:00:03.000000', NULL),
			(10, 5, 3, 'RUNNING', '2026-01-01 10:00:03.000000', NULL), (11, 0, 4, 'RUNNING', '2026-01-01 10:00:03.000000', NULL);
		INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (8, datetime('now', '-121 seconds')), (9, datetime('now', '-60 seconds')), (11, datetime('now', '-1 hour'));`)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	claim := storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}, Orphans: storage.Orphans{Policy: storage.Retry}}
	for id, want := range map[int64]string{3: "COMPLETE RUNNING FAIL FAIL RUNNING RUNNING WAITING", 4: "FAIL RUNNING"} {
		if _, err := db.Begin(t.Context(), id, claim); err != nil {
			t.Fatal(err)
		}
		c, err := db.Since(t.Context(), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		states := make([]string, len(c.Trials))
		for _, tr := range c.Trials {
			states[tr.Number] = tr.State.String()
		}
		if got := strings.Join(states, " "); got != want {
			t.Errorf("study %d: got %s, want %s", id, got, want)
		}
	}
}
