package sqlite

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/rdb"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// counts are the statements of a DB, by what they do.
type counts struct {
	mu                  sync.Mutex
	commits, statements int
}

func (c *counts) watch(db *DB) {
	db.writer.session.trace = func(query string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch query {
		case `COMMIT`:
			c.commits++
		case `BEGIN IMMEDIATE`, `ROLLBACK`:
		default:
			c.statements++
		}
	}
	for range cap(db.readers) {
		s := <-db.readers
		s.trace = func(query string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if query != `BEGIN` && query != `COMMIT` {
				c.statements++
			}
		}
		db.readers <- s
	}
}

// sevenParams are the parameters of the benchmark's trials.
func sevenParams(t *study.Trial) float64 {
	sum := 0.0
	for i := range 5 {
		sum += t.Float(fmt.Sprint("x", i), 0, 1)
	}
	return sum + float64(t.Int("n", 1, 9)) + float64(len(t.Categorical("c", "a", "bb", "ccc")))
}

// fill adds n finished trials with seven parameters.
func fill(tb testing.TB, db *DB, id int64, n int) {
	tb.Helper()
	var params []trial.Param
	for i := range 5 {
		params = append(params, trial.Param{Name: fmt.Sprint("x", i), Value: 0.5, Dist: space.Float{High: 1}})
	}
	params = append(params, trial.Param{Name: "n", Value: 3, Dist: space.Int{Low: 1, High: 9}},
		trial.Param{Name: "c", Value: 1, Dist: space.Choose("a", "bb", "ccc").Dist()})
	err := db.write(context.Background(), func(t *tx) error {
		for range n {
			if _, err := rdb.Add(t, id, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1}, Params: params}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// A trial without reports costs two commits and at most twelve statements,
// however long the study is.
func TestCostOfATrial(t *testing.T) {
	for _, finished := range []int{0, 1000} {
		db, err := Open(t.Context(), filepath.Join(t.TempDir(), "study.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		s, err := study.Open(t.Context(), study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}})
		if err != nil {
			t.Fatal(err)
		}
		record, _ := db.Load(t.Context(), "s")
		fill(t, db, record.ID, finished)
		commits, statements := math.MaxInt, math.MaxInt
		for range 10 { // the first trial reads what is there; one that is held up for 20 ms saves its parameters
			var c counts
			c.watch(db)
			tr, err := s.Ask(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v := sevenParams(tr)
			if _, err := s.Tell(t.Context(), tr, v); err != nil {
				t.Fatal(err)
			}
			commits, statements = min(commits, c.commits), min(statements, c.statements)
		}
		if commits != 2 || statements > 12 {
			t.Errorf("with %d finished trials one costs %d commits and %d statements, want 2 and at most 12", finished, commits, statements)
		}
		t.Logf("%d finished: %d commits, %d statements", finished, commits, statements)
	}
}

// BenchmarkTrial measures a trial with seven parameters and no reports by
// random search, in a study with that many finished trials; if BLUEFIN_PYTHON
// names a Python with Optuna, beside it.
func BenchmarkTrial(b *testing.B) {
	for _, finished := range []int{100, 1_000, 10_000} {
		for name, o := range map[string]Options{"full": {}, "normal": {NoSync: true}} {
			b.Run(fmt.Sprintf("engine=bluefin/durability=%s/finished=%d", name, finished), func(b *testing.B) {
				benchmarkTrial(b, o, finished, "")
			})
		}
		b.Run(fmt.Sprintf("engine=optuna/finished=%d", finished), func(b *testing.B) { benchmarkOptuna(b, finished) })
	}
	// 250 trials of others: under leases that have not run out, of as many
	// processes of another machine; orphans of as many dead processes of this
	// one; orphans whose leases have run out. Asks take over orphans, one each.
	for name, sql := range map[string]string{
		"none": "", "leased": `lease_process = 'elsewhere ' || trial_id`,
		"gone": `lease_process = '` + strings.ReplaceAll(process.Machine(), "'", "''") + ` 99' || trial_id || '@1'`, "over": `lease_until = 0`,
	} {
		b.Run("engine=bluefin/durability=normal/finished=1000/others="+name, func(b *testing.B) {
			benchmarkTrial(b, Options{NoSync: true}, 1000, sql)
		})
	}
}

func benchmarkTrial(b *testing.B, o Options, finished int, others string) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "study.db"), o)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s, err := study.Open(b.Context(), study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}})
	if err != nil {
		b.Fatal(err)
	}
	record, _ := db.Load(b.Context(), "s")
	fill(b, db, record.ID, finished)
	for i := 0; others != "" && i < 250; i++ {
		dead := storage.Claim{Lease: storage.Lease{Owner: fmt.Sprint("dead ", i), Duration: time.Hour}}
		if _, err := db.Begin(b.Context(), record.ID, dead); err != nil {
			b.Fatal(err)
		}
	}
	if others != "" {
		if err := db.write(b.Context(), func(t *tx) error {
			t.Exec(`UPDATE bluefin_trials SET ` + others + ` WHERE lease_owner IS NOT NULL`)
			return t.Err()
		}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.Trials(b.Context()); err != nil { // reads what is there
		b.Fatal(err)
	}
	var c counts
	c.watch(db)
	for b.Loop() {
		t, err := s.Ask(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		v := sevenParams(t)
		if _, err := s.Tell(b.Context(), t, v); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.commits)/float64(b.N), "commits/trial")
	b.ReportMetric(float64(c.statements)/float64(b.N), "statements/trial")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/trial")
	b.ReportMetric(0, "ns/op")
}

// optunaTrials fills a study and prints commits, statements and milliseconds
// per trial of 30 more.
const optunaTrials = `
import sys, time, optuna, sqlalchemy
optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = optuna.storages.RDBStorage("sqlite:///" + sys.argv[1])
study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
d = {"x%d" % i: optuna.distributions.FloatDistribution(0, 1) for i in range(5)}
d["n"] = optuna.distributions.IntDistribution(1, 9)
d["c"] = optuna.distributions.CategoricalDistribution(["a", "bb", "ccc"])
p = {"x%d" % i: 0.5 for i in range(5)}
p.update(n=3, c="bb")
memory = optuna.create_study()
memory.add_trials([optuna.create_trial(value=1.0, params=p, distributions=d)] * int(sys.argv[2]))
study.add_trials(memory.trials)
count = {"commits": 0, "statements": 0}
@sqlalchemy.event.listens_for(storage.engine, "commit")
def _(conn): count["commits"] += 1
@sqlalchemy.event.listens_for(storage.engine, "before_cursor_execute")
def _(*args): count["statements"] += 1
def objective(t):
    return sum(t.suggest_float("x%d" % i, 0, 1) for i in range(5)) + t.suggest_int("n", 1, 9) + len(t.suggest_categorical("c", ["a", "bb", "ccc"]))
study.optimize(objective, n_trials=2)
count.update(commits=0, statements=0)
start = time.time()
study.optimize(objective, n_trials=30)
print(count["commits"] / 30, count["statements"] / 30, (time.time() - start) * 1000 / 30)
`

func benchmarkOptuna(b *testing.B, finished int) {
	program := os.Getenv("BLUEFIN_PYTHON")
	if program == "" {
		b.Skip("BLUEFIN_PYTHON names no Python with Optuna")
	}
	for b.Loop() {
		out, err := exec.Command(program, "-c", optunaTrials, filepath.Join(b.TempDir(), "optuna.db"), fmt.Sprint(finished)).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		var commits, statements, ms float64
		if _, err := fmt.Sscan(strings.TrimSpace(string(out)), &commits, &statements, &ms); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		b.ReportMetric(commits, "commits/trial")
		b.ReportMetric(statements, "statements/trial")
		b.ReportMetric(ms, "ms/trial")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkOpen reads a study of 10,000 trials with seven parameters.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "study.db")
	db, err := Open(b.Context(), path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	record, err := db.Create(b.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, db, record.ID, 10_000)
	db.Close()
	for b.Loop() {
		db, err := Open(b.Context(), path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := study.Load(b.Context(), study.Config{Name: "s", Storage: db})
		if err != nil {
			b.Fatal(err)
		}
		if all, err := s.Trials(b.Context()); err != nil || len(all) != 10_000 {
			b.Fatal(len(all), err)
		}
		db.Close()
	}
}
