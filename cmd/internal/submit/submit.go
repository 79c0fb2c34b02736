// Package submit writes what starts the workers of a study on a cluster: the batch script of a Slurm
// array, or the manifest of a Kubernetes Job.
package submit

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// margin is how much longer the cluster waits, after SIGTERM, than a worker waits for its program.
const margin = 30 * time.Second

// Workers describes the workers, for any cluster.
type Workers struct {
	Storage       string        // a URL without a password, or a path; "": from the environment of the workers
	Study         string        // its name
	Name          string        // of the job; "": made from the study's
	Count         int           // 1 to 100,000
	MaxTrials     int           // of each worker; 0: no limit
	MaxTime       time.Duration // after which a worker starts no trial; 0: no limit
	Grace         time.Duration // from SIGTERM to the end of a trial's program
	CheckpointDir string        // "": none
	Program       string        // bluefin, as the workers find it
	Command       []string      // what a trial runs; empty: that of the study
}

// Check returns an error that names the first flag that is out of range.
func (w Workers) Check() error {
	switch {
	case w.Study == "":
		return fmt.Errorf("--study-name is empty, want the name of a study")
	case w.Count < 1 || w.Count > 100_000:
		return fmt.Errorf("--workers is %d, want 1 to 100000", w.Count)
	case w.MaxTrials < 0:
		return fmt.Errorf("--max-trials is %d, want at least 1, or 0 for no limit", w.MaxTrials)
	case w.MaxTime < 0:
		return fmt.Errorf("--max-time is %s, want at least 0s, which is no limit", w.MaxTime)
	case w.Grace < time.Second || w.Grace > 12*time.Hour:
		return fmt.Errorf("--grace is %s, want 1s to 12h", w.Grace)
	}
	for _, word := range w.line() {
		if strings.ContainsRune(word, 0) || !utf8.ValidString(word) {
			return fmt.Errorf("%q is not text that a manifest can hold, want UTF-8 without NUL", word)
		}
	}
	return nil
}

// line returns the command line of a worker. Each flag is one word with its value.
func (w Workers) line() []string {
	words := []string{w.Program, "worker"}
	if w.Storage != "" {
		words = append(words, "--storage="+w.Storage)
	}
	words = append(words, "--study-name="+w.Study)
	if w.MaxTrials > 0 {
		words = append(words, "--max-trials="+strconv.Itoa(w.MaxTrials))
	}
	if w.MaxTime > 0 {
		words = append(words, "--max-time="+duration(w.MaxTime))
	}
	words = append(words, "--grace="+duration(w.Grace))
	if w.CheckpointDir != "" {
		words = append(words, "--checkpoint-dir="+w.CheckpointDir)
	}
	if len(w.Command) > 0 {
		words = append(append(words, "--"), w.Command...)
	}
	return words
}

// duration omits zeros at the end: 2h, not 2h0m0s.
func duration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// inside reports whether a path is that of a folder or below it.
func inside(name, folder string) bool {
	name, folder = path.Clean(name), path.Clean(folder)
	return name == folder || strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/")
}
