package metrics

import (
	"os"
	"path/filepath"

	"strings"
	"testing"
	"time"
)

// write makes a file with its folders.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// replace writes a file beside another one and renames it.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".tmp", text)
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// What programs do to a file between two looks. Points come in the order of the last change.
func TestFilesThatChange(t *testing.T) {
	const header = "step,loss\n"
	for _, c := range []struct {
		name, file string
		change     []func(t *testing.T, path string) // before each look
		want       string
	}{
		{"a new column, as by Lightning", "metrics.csv", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, header+"1,0.5\n2,0.25\n") },
			func(t *testing.T, path string) { write(t, path, "acc,step,loss\n,1,0.5\n,2,0.25\n0.75,3,0.125\n") },
			func(t *testing.T, path string) { add(t, path, "0.875,4,0.0625\n") },
		}, "1 0.5, 2 0.25, 1 0.5, 2 0.25, 3 0.125, 4 0.0625"},
		{"the same size, other numbers", "metrics.csv", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, header+"1,0.5\n2,0.7\n") },
			func(t *testing.T, path string) { write(t, path, header+"1,0.6\n2,0.8\n") },
		}, "1 0.5, 2 0.7, 1 0.6, 2 0.8"},
		{"a rename to a longer file", "a/log.jsonl", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, "{\"loss\": 1}\n") },
			func(t *testing.T, path string) { replace(t, path, "{\"loss\": 1}\n{\"loss\": 2}\n") },
			func(t *testing.T, path string) { replace(t, path, "{\"loss\": 1}\n{\"loss\": 2}\n{\"loss\": 3}") },
		}, "0 1.0, 0 1.0, 1 2.0, 0 1.0, 1 2.0, 2 3.0"},
		{"a rotated file", "log.jsonl", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, "{\"step\": 1, \"loss\": 1}\n") },
			func(t *testing.T, path string) {
				if err := os.Rename(path, path+".1"); err != nil {
					t.Fatal(err)
				}
			},
			func(t *testing.T, path string) { write(t, path, "{\"step\": 2, \"loss\": 2}\n") },
		}, "1 1.0, 2 2.0"},
		{"a file that shrinks", "log.jsonl", []func(*testing.T, string){
			func(t *testing.T, path string) {
				write(t, path, "{\"step\": 1, \"loss\": 1}\n{\"step\": 2, \"loss\": 2}\n")
			},
			func(t *testing.T, path string) { write(t, path, "") },
			func(t *testing.T, path string) { write(t, path, "{\"step\": 1, \"loss\": 3}\n") },
		}, "1 1.0, 2 2.0, 1 3.0"},
		{"a file that is gone and comes back", "log.jsonl", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, "{\"step\": 1, \"loss\": 1}\n") },
			func(t *testing.T, path string) { os.Remove(path) },
			func(t *testing.T, path string) { write(t, path, "{\"step\": 1, \"loss\": 1}\n") },
		}, "1 1.0, 1 1.0"},
		{"a second run with another header", "results.csv", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, header+"1,0.5\n") },
			func(t *testing.T, path string) { add(t, path, "  step ,   acc,  \"loss\"\n  2,  9,  0.25\n3,0.125\n") },
		}, "1 0.5, 2 0.25"},
		{"damaged rows", "metrics.csv", []func(*testing.T, string){
			func(t *testing.T, path string) {
				write(t, path, header+"1,0.5,7\n2\n\x00\x00\x00\n3,\"0.25\"\n\"4,0.5\n5,1\n")
			},
		}, "3 0.25, 5 1.0"},
		{"two writes of a whole file", "metrics.json", []func(*testing.T, string){
			func(t *testing.T, path string) { write(t, path, `{"step": 1, "loss": 1}`) },
			func(t *testing.T, path string) { write(t, path, `{"step": 2, "lo`) },
			func(t *testing.T, path string) { write(t, path, `{"step": 2, "loss": 2}`) },
		}, "1 1.0, 2 2.0"},
		{"epochs that are no ints", "trainer_state.json", []func(*testing.T, string){
			func(t *testing.T, path string) {
				write(t, path, `{"log_history": [{"epoch": 1.0, "loss": 1}, {"epoch": 1.5, "loss": 2}, {"epoch": 2.0, "loss": 3}]}`)
			},
		}, "1 1.0, 2 2.0, 3 3.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			f := follow(folder, "loss")
			var got []string
			for _, change := range c.change {
				change(t, filepath.Join(folder, filepath.FromSlash(c.file)))
				f.points = map[string]found{}
				f.look()
				for _, points := range f.points {
					got = append(got, points...)
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %s, want %s", strings.Join(got, ", "), c.want)
			}
		})
	}
}

// What an earlier run has left counts only if this one continues it.
func TestWhatAnEarlierRunHasLeft(t *testing.T) {
	const old = "step,loss\n1,0.5\n2,0.25\n"
	for _, c := range []struct {
		name   string
		change func(t *testing.T, path string)
		want   string
	}{
		{"nothing new", func(*testing.T, string) {}, ""},
		{"it is continued", func(t *testing.T, path string) { add(t, path, "3,0.125\n") }, "1 0.5, 2 0.25, 3 0.125"},
		{"half a row", func(t *testing.T, path string) { add(t, path, "3,0.1") }, ""},
		{"a new run appends", func(t *testing.T, path string) { add(t, path, "1,7\n2,8\n") }, "1 7.0, 2 8.0"},
		{"a new run appends a header too", func(t *testing.T, path string) { add(t, path, "step,loss\n1,7\n") }, "1 7.0"},
		{"a new run overwrites it", func(t *testing.T, path string) { write(t, path, "step,loss\n1,7\n2,8\n3,9\n") }, "1 7.0, 2 8.0, 3 9.0"},
		{"a new run replaces it", func(t *testing.T, path string) { replace(t, path, "step,loss\n1,7\n") }, "1 7.0"},
		{"a new run writes the same", func(t *testing.T, path string) { replace(t, path, old) }, "1 0.5, 2 0.25"},
		{"a new run overwrites it with the same", func(t *testing.T, path string) { write(t, path, old) }, "1 0.5, 2 0.25"},
		{"a new run overwrites it with the same and more", func(t *testing.T, path string) { write(t, path, old+"3,0\n") }, "1 0.5, 2 0.25, 3 0.0"},
		{"a new file", func(t *testing.T, path string) { write(t, filepath.Dir(path)+"/1/metrics.csv", "step,loss\n1,7\n") }, "1 7.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "metrics.csv")
			write(t, path, old)
			past := time.Now().Add(-time.Hour)
			if err := os.Chtimes(path, past, past); err != nil {
				t.Fatal(err)
			}
			f := follow(folder, "loss")
			f.folder.Skip()
			c.change(t, path)
			for range 3 {
				f.look()
			}
			if got := strings.Join(f.points["csv loss"], ", "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Zeros at the end of a file are what is not written yet.
func TestZerosAreRead(t *testing.T) {
	for _, l := range libraries {
		if l.source != "tfevents" && l.source != "wandb" {
			continue
		}
		text, err := os.ReadFile(l.path(t))
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		name := filepath.Join(folder, filepath.Base(filepath.Dir(l.path(t))), filepath.Base(l.path(t)))
		f := follow(folder, l.metrics...)
		for _, n := range []int{0, len(text) / 3, len(text) / 2, len(text)} {
			write(t, name, string(text[:n])+strings.Repeat("\x00", len(text)-n))
			f.look()
		}
		for key, want := range l.want(t) {
			if got := strings.Join(f.points[key], ", "); got != strings.Join(want, ", ") {
				t.Errorf("%v: got %s, want %s", l, got, want)
			}
		}
	}
}

// Large files of other lines are searched, not parsed.
func TestMetricsFarBelowOtherLines(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "predictions.jsonl"), strings.Repeat("{\"text\": \"a b c\", \"x\": 1}\n", 5000)+
		"{\"eval\": {\"loss\": 1}, \"step\": 3}\n{\"\\u0065val/loss\": 2, \"step\": 4}\n")
	f := follow(folder, "eval/loss")
	f.look()
	if got := strings.Join(f.points["jsonl eval/loss"], ", "); got != "3 1.0, 4 2.0" {
		t.Errorf("got %s", got)
	}
}
