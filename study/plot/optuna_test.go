package plot_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An optunaStudy is a study that Optuna made, as Bluefin reads it, and Optuna's figures of it.
type optunaStudy struct {
	history trial.History
	all     []*trial.Trial // by number, waiting ones too
	figures map[string][]trace
}

// A trace is a part of a figure of plotly.
type trace map[string]any

// list returns an array of the trace, none if it has no such array.
func (t trace) list(name string) []any {
	list, _ := t[name].([]any)
	return list
}

// numbers returns an array of numbers; None is NaN.
func (t trace) numbers(name string) []float64 { return toNumbers(t.list(name)) }

func toNumbers(list []any) []float64 {
	numbers := make([]float64, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case int:
			numbers[i] = float64(v)
		case float64:
			numbers[i] = v
		default:
			numbers[i] = math.NaN()
		}
	}
	return numbers
}

// texts returns an array as str() of its elements.
func (t trace) texts(name string) []string {
	list := make([]string, len(t.list(name)))
	for i, v := range t.list(name) {
		list[i] = pythonText(v)
	}
	return list
}

func pythonText(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return strings.ToUpper(fmt.Sprint(v)[:1]) + fmt.Sprint(v)[1:]
	case float64:
		return pyjson.Float(v)
	}
	return fmt.Sprint(v)
}

// optunaStudies runs testdata/figures.py once for all tests.
func optunaStudies(t *testing.T) map[string]optunaStudy {
	t.Helper()
	if testing.Short() {
		t.Skip("Optuna takes ten seconds to make its studies and figures")
	}
	python := os.Getenv("BLUEFIN_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_PYTHON is not set")
		}
		t.Skip("BLUEFIN_PYTHON names no Python with Optuna and plotly")
	}
	studies, err := madeByOptuna()
	if err != nil {
		t.Fatal(err)
	}
	return studies
}

var madeByOptuna = sync.OnceValues(func() (map[string]optunaStudy, error) {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "optuna.db")
	cmd := exec.Command(os.Getenv("BLUEFIN_PYTHON"), filepath.Join("testdata", "figures.py"), path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("figures.py: %v: %s", err, stderr.String())
	}
	v, err := pyjson.Unmarshal(out)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	studies := map[string]optunaStudy{}
	for name, figures := range v.(map[string]any) {
		record, err := db.Load(ctx, name)
		if err != nil {
			return nil, err
		}
		changes, err := db.Since(ctx, record.ID, 0)
		if err != nil {
			return nil, err
		}
		log := trial.NewLog(record.Directions)
		for _, t := range changes.Trials {
			log.Put(t)
		}
		s := optunaStudy{log.History(), log.Trials(), map[string][]trace{}}
		for key, list := range figures.(map[string]any) {
			for _, one := range list.([]any) {
				data, ok := one.(map[string]any)
				if !ok { // plain numbers
					data = map[string]any{"y": list}
				}
				s.figures[key] = append(s.figures[key], data)
				if !ok {
					break
				}
			}
		}
		studies[name] = s
	}
	return studies, nil
})

// eachFigure calls check with every figure of a kind: its study, the objective and the rest of its
// key. It fails if there are fewer figures with traces than fewest.
func eachFigure(t *testing.T, kind string, fewest int, check func(t *testing.T, s optunaStudy, objective int, args []string, traces []trace)) {
	t.Helper()
	seen := 0
	for name, s := range optunaStudies(t) {
		for key, traces := range s.figures {
			args := strings.Split(key, "/")
			if args[0] != kind {
				continue
			}
			if len(traces) > 0 {
				seen++
			}
			objective := 0
			if len(args) > 1 {
				fmt.Sscan(args[1], &objective)
				args = args[1:]
			}
			t.Run(name+"/"+key, func(t *testing.T) { check(t, s, objective, args[1:], traces) })
		}
	}
	if seen < fewest {
		t.Errorf("Optuna drew %d figures, want at least %d", seen, fewest)
	}
}

// same compares lists of numbers to the last digit but one; NaN equals NaN.
func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b float64) bool {
		return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
	}) {
		t.Errorf("%s:\n%v, want\n%v", what, got, want)
	}
}
