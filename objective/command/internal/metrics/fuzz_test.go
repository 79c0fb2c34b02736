package metrics

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parseAll returns the points in a file that grows by n bytes between two looks.
func parseAll(t *testing.T, parse parser, text []byte, n int) []string {
	var points []string
	offset := 0
	for end := 0; end < len(text); {
		end = min(end+n, len(text))
		used := parse(slices.Clone(text[offset:end]), func(p Point) {
			points = append(points, describe(p))
		})
		if used < 0 || used > end-offset {
			t.Fatalf("%d of %d bytes are done", used, end-offset)
		}
		offset += used
	}
	return points
}

func describe(p Point) string {
	var values []string
	for name, x := range p.Values {
		values = append(values, fmt.Sprintf("%q=%x", name, math.Float64bits(x)))
	}
	slices.Sort(values)
	return fmt.Sprint(p.Step, " ", strings.Join(values, " "))
}

// fuzz checks that a file gives the same points however it grows.
func fuzz(f *testing.F, files string, format format) {
	paths, err := filepath.Glob(filepath.Join("testdata", files))
	if err != nil || len(paths) == 0 {
		f.Fatalf("%s: %v %v", files, paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 4<<10)], 7)
	}
	start := format.open("", paths[0]).(*appendedFile).start
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		n = max(n, len(text)/200+1)
		whole, grown := parseAll(t, start(), text, len(text)+1), parseAll(t, start(), text, n)
		if _, lines := format.(jsonLines); lines { // an object counts before its line ends, whatever follows
			grown = slices.DeleteFunc(grown, func(p string) bool { return !slices.Contains(whole, p) })
		}
		if !slices.Equal(whole, grown) {
			t.Errorf("by %d bytes: got %s, want %s", n, grown, whole)
		}
	})
}

func FuzzEventFile(f *testing.F) { fuzz(f, "tensorboard/*/events*", eventFile{}) }
func FuzzWandB(f *testing.F)     { fuzz(f, "wandb/*/run*", wandbFile{}) }
func FuzzJSONLines(f *testing.F) { fuzz(f, "llamafactory/*.jsonl", jsonLines{}) }
func FuzzCSV(f *testing.F)       { fuzz(f, "lightning/csv/*/metrics.csv", csvFile{}) }
func FuzzDVCLive(f *testing.F)   { fuzz(f, "dvclive/dvclive/plots/metrics/*.tsv", dvclive{}) }

// A damaged byte in a file with checksums costs values, but never changes one.
func TestDamagedBytes(t *testing.T) {
	for name, format := range map[string]format{"*/*/*tfevents*": eventFile{}, "keras/*/*/*tfevents*": eventFile{}, "wandb/*/run*": wandbFile{}} {
		paths, err := filepath.Glob(filepath.Join("testdata", name))
		if err != nil || len(paths) == 0 {
			t.Fatal(name, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			start := format.open("", path).(*appendedFile).start
			want := parseAll(t, start(), text, len(text))
			if len(want) == 0 {
				t.Fatalf("%s has no points", path)
			}
			every, lost := 1, 0
			if testing.Short() || len(text) > 10_000 {
				every = len(text)/150 + 1
			}
			for i := 0; i < len(text); i += every {
				damaged := slices.Clone(text)
				damaged[i] ^= byte(1 + i%255)
				for _, p := range parseAll(t, start(), damaged, len(text)) {
					if !slices.Contains(want, p) && !strings.HasPrefix(p, "-1 ") { // the summary has more names without the history
						t.Fatalf("%s, byte %d: got %s", path, i, p)
					}
				}
				lost++
			}
			t.Logf("%s: %d bytes damaged", path, lost)
		}
	}
}
