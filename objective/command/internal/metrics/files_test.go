package metrics

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A found is what a source has found of one metric.
type found []string

// A follower follows a folder for some metrics.
type follower struct {
	folder  *Folder
	metrics []string
	points  map[string]found // by source and metric
}

func follow(folder string, metrics ...string) *follower {
	return &follower{NewFolder(folder, Sources(metrics, nil), "output.log"), metrics, map[string]found{}}
}

// look adds the points that came since the last look, without those that come again.
func (f *follower) look() {
	f.folder.Look(func(s *Source, p Point) {
		for _, name := range f.metrics {
			if x, ok := p.Values[name]; ok {
				key, text := s.Name+" "+name, fmt.Sprint(p.Step, " ", pyjson.Float(x))
				if !slices.Contains(f.points[key], text) {
					f.points[key] = append(f.points[key], text)
				}
			}
		}
	})
}

// library is what a real library wrote, by the scripts in testdata.
type library struct {
	folder, source string
	file           string   // one of them, relative to folder; may have *
	metrics        []string // of want.json
	run            string   // a key of want.json that has the metrics; "": they are at its top
}

var libraries = []library{
	{"transformers", "trainer_state", "trainer_state.json", []string{"eval_loss", "loss"}, ""},
	{"llamafactory", "jsonl", "trainer_log.jsonl", []string{"eval_loss", "loss"}, ""},
	{"lightning/csv", "csv", "version_0/metrics.csv", []string{"val_loss", "val/abs"}, ""},
	{"lightning/tb", "tfevents", "version_0/events.*", []string{"val_loss", "val/abs"}, ""},
	{"ultralytics", "csv", "train/results.csv", []string{"val/box_loss"}, ""},
	{"tensorboard/torch", "tfevents", "runs/Nov30_host/events.*", []string{"eval/loss"}, ""},
	{"tensorboard/new_style", "tfevents", "events.*", []string{"eval/loss"}, ""},
	{"tensorboard/writer", "tfevents", "events.*", []string{"eval/loss"}, ""},
	{"tensorboard/tensorboardx", "tfevents", "events.*", []string{"eval/loss"}, ""},
	{"keras/logs", "tfevents", "validation/events.*", []string{"validation/epoch_loss"}, ""},
	{"keras/logs", "tfevents", "train/events.*", []string{"train/epoch_loss"}, ""},
	{"keras/tf", "tfevents", "events.*", []string{"score"}, ""},
	{"wandb/many", "wandb", "run-*.wandb", []string{"loss", "eval.loss"}, "many"},
	{"wandb/few", "wandb", "run-*.wandb", []string{"val/loss"}, "few"},
	{"wandb/few", "wandb", "run-*.wandb", []string{"best"}, "few"},
	{"mlflow/files", "mlflow", "mlruns/*/*/metrics/val_loss", []string{"val_loss"}, ""},
	{"mlflow/files", "mlflow", "mlruns/*/*/metrics/val/accuracy", []string{"val/accuracy"}, ""},
	{"mlflow/sqlite", "mlflow", "mlflow.db", []string{"val_loss", "val/accuracy", "final"}, ""},
	{"dvclive", "dvclive", "dvclive/plots/metrics/loss.tsv", []string{"loss"}, ""},
	{"dvclive", "dvclive", "dvclive/plots/metrics/eval/loss.tsv", []string{"eval/loss"}, ""},
	{"dvclive", "metrics_json", "dvclive/metrics.json", []string{"best"}, ""},
}

func (l library) want(t *testing.T) map[string]found {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", strings.Split(l.folder, "/")[0], "want.json"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := pyjson.Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	all := v.(map[string]any)
	if l.run != "" {
		all = all[l.run].(map[string]any)
	}
	want := map[string]found{}
	for _, name := range l.metrics {
		for _, pair := range all[name].([]any) {
			step, x := pair.([]any)[0], pair.([]any)[1]
			if i, ok := x.(int); ok {
				x = float64(i)
			}
			text, ok := x.(string) // of NaN and Infinity
			if !ok {
				text = pyjson.Float(x.(float64))
			}
			key := l.source + " " + name
			want[key] = append(want[key], fmt.Sprint(step, " ", text))
		}
	}
	return want
}

// path returns the path of the file.
func (l library) path(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", l.folder, l.file))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: %v, want one", l.file, l.folder, found)
	}
	return found[0]
}

func (l library) String() string { return l.folder + "/" + l.file }

func TestRealFiles(t *testing.T) {
	for _, l := range libraries {
		t.Run(l.String(), func(t *testing.T) {
			folder, err := filepath.Abs(filepath.Join("testdata", l.folder))
			if err != nil {
				t.Fatal(err)
			}
			f := follow(folder, l.metrics...)
			f.look()
			for key, want := range l.want(t) {
				if got := f.points[key]; !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", key, got, want)
				}
			}
		})
	}
}

// What is read of a growing file is always the beginning of what is read in the end, whether a look
// finds all of it or only what is new.
func TestFilesThatGrow(t *testing.T) {
	for _, l := range libraries {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Rel(filepath.Join("testdata", l.folder), l.path(t))
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(l.path(t))
			if err != nil {
				t.Fatal(err)
			}
			want := l.want(t)
			ours := filepath.Join(t.TempDir(), path)
			if err := os.MkdirAll(filepath.Dir(ours), 0o777); err != nil {
				t.Fatal(err)
			}
			folder := strings.TrimSuffix(ours, path)
			file, err := os.Create(ours)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			growing := follow(folder, l.metrics...)
			every := len(text)/2000 + 1 // bytes
			if testing.Short() {
				every = len(text)/200 + 1
			}
			for n := 0; n < len(text); n += every {
				if _, err := file.Write(text[n:min(n+every, len(text))]); err != nil {
					t.Fatal(err)
				}
				growing.look()
				once := follow(folder, l.metrics...)
				once.look()
				for name, f := range map[string]*follower{"growing": growing, "once": once} {
					for key, got := range f.points {
						if l, ok := want[key]; ok && !slices.Equal(got, l[:min(len(l), len(got))]) {
							t.Fatalf("%s, %d bytes, %s: got %v, want %v", name, n, key, got, l)
						}
					}
				}
			}
			for key, want := range want {
				if got := growing.points[key]; !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", key, got, want)
				}
			}
		})
	}
}

func TestNamesOfTags(t *testing.T) {
	for _, c := range []struct{ tag, folder, want string }{
		{"epoch_loss", "validation", "validation/epoch_loss"}, // Keras
		{"loss", "eval", "eval/loss"},
		{"val/box_loss", "train", "val/box_loss"}, // Ultralytics
		{"eval/loss", "Nov30_host", "eval/loss"},  // the Hugging Face trainer
		{"split", "split_val", "split.val"},       // add_scalars
		{"a/loss", "a_loss_val", "a/loss.val"},
		{"loss", "lossless", "loss"},
	} {
		if got := scalarName(c.tag, c.folder); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.tag, c.folder, got, c.want)
		}
	}
	f := follow("testdata/tensorboard/torch", "split.val", "split.train", "hparam/accuracy", "odd")
	f.look()
	want := map[string]string{"split.val": "3 2.5", "split.train": "3 1.5", "hparam/accuracy": "0 0.75", "odd": "1 NaN, 2 Infinity"}
	for name, want := range want {
		if got := strings.Join(f.points["tfevents "+name], ", "); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
