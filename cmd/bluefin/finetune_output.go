package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An output keeps the network of the best trial in a folder, with a note which
// trial it is of. A trial's network is written before its result is told; if
// the process ends between the two, the trial is run again and ends the same.
type output struct {
	dir   string // "": none
	c     *cli.Context
	study *study.Study
	task  *task
	seed  uint64

	mu sync.Mutex
}

// noteFile is the file in the folder that says what is in it.
const noteFile = "bluefin.json"

type note struct {
	Study  string         `json:"study"`
	Task   string         `json:"task"` // the ID of its weights and data
	Seed   uint64         `json:"seed"`
	Trial  int            `json:"trial"`
	Value  float64        `json:"value"`
	Params map[string]any `json:"params"`
	Files  string         `json:"files"` // SHA-256 of the weights beside it
}

func newOutput(c *cli.Context, s *study.Study, t *task, seed uint64) *output {
	o := &output{dir: c.String("output"), c: c, study: s, task: t, seed: seed}
	if o.dir != "" {
		t.Keep = o.keep
	}
	return o
}

// keep writes the network of a trial if it is better than what is there.
func (o *output) keep(number int, value float64, net *nn.Network) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if best, err := o.study.Best(context.WithoutCancel(o.c.Context)); err == nil && !o.study.Directions()[0].Better(value, best.Values[0]) {
		return nil
	}
	if n, ok := o.note(); ok && n.Trial != number && !o.study.Directions()[0].Better(value, n.Value) {
		return nil
	}
	return o.write(number, value, net)
}

// weights returns the SHA-256 of the files of weights in the folder.
func (o *output) weights() (string, error) {
	var paths []string
	for _, pattern := range []string{"*.safetensors", "*/*.safetensors"} {
		found, err := fs.Glob(os.DirFS(o.dir), pattern)
		if err != nil {
			return "", err
		}
		paths = append(paths, found...)
	}
	sum := sha256.New()
	for _, path := range paths {
		f, err := os.Open(filepath.Join(o.dir, path))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, path)
		_, err = io.Copy(sum, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// note returns what is in the folder, if it is of this study, or of one that had
// its name and everything else that its values depend on, and of the weights
// that are there: others may have been put in their place, or were removed.
func (o *output) note() (n note, ok bool) {
	b, err := os.ReadFile(filepath.Join(o.dir, noteFile))
	if err != nil || json.Unmarshal(b, &n) != nil {
		return n, false
	}
	id, err := o.task.ID()
	if err != nil || n.Study != o.study.Name() || n.Task != id || n.Seed != o.seed {
		return n, false
	}
	files, err := o.weights()
	return n, err == nil && n.Files == files
}

// write puts a network in the place of what is in the folder.
func (o *output) write(number int, value float64, net *nn.Network) error {
	// The note goes first and comes last, so that it is never of other weights.
	if err := os.Remove(filepath.Join(o.dir, noteFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--output: %w", err)
	}
	if err := o.task.save(o.dir, net); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	trials, err := o.study.Trials(context.WithoutCancel(o.c.Context))
	if err != nil {
		return err
	}
	id, err := o.task.ID()
	if err != nil {
		return err
	}
	files, err := o.weights()
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	n := note{Study: o.study.Name(), Task: id, Seed: o.seed, Trial: number, Value: value, Params: map[string]any{}, Files: files}
	for _, t := range trials {
		if t.Number == number {
			n.Params = externals(t)
		}
	}
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dir, noteFile), append(b, '\n'), 0o666)
}

func externals(t *trial.Trial) map[string]any {
	params := make(map[string]any)
	for _, p := range t.Params {
		params[p.Name] = p.External()
	}
	return params
}

// finish sees to it that the folder holds the best trial of the study, which
// another process may have found, or of which the weights are gone: then its
// training is repeated here.
func (o *output) finish(ctx context.Context, ended error) error {
	if o.dir == "" || ended != nil {
		return nil
	}
	best, err := o.study.Best(ctx)
	if errors.Is(err, study.ErrNoBest) {
		return nil
	}
	if err != nil {
		return err
	}
	if n, ok := o.note(); !ok || n.Trial != best.Number || n.Value != best.Values[0] {
		logf(o.c, "Training trial %d again for --output: its network is not there.", best.Number)
		settings, err := settingsOf(best, o.task.Defaults)
		if err != nil {
			return err
		}
		net, _, err := o.task.Train(ctx, finetune.Checkpoints{}, settings, o.seed, func(int, finetune.Metrics) error { return nil })
		if err != nil {
			return err
		}
		if err := o.write(best.Number, best.Values[0], net); err != nil {
			return err
		}
	}
	logf(o.c, "The network of trial %d is in %s.", best.Number, o.dir)
	return nil
}

// settingsOf returns the settings that a trial trained with.
func settingsOf(t *trial.Trial, base finetune.Settings) (finetune.Settings, error) {
	text, err := json.Marshal(externals(t))
	if err == nil {
		err = json.Unmarshal(text, &base)
	}
	return base, err
}
