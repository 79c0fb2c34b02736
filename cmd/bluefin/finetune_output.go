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
	"strings"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An output keeps the network of the best trial in a folder, with a note that names the trial. A
// network is written before its trial is told; if the process is killed between the two, the trial
// runs again and ends the same. The folder is written by putFolder.
type output struct {
	*tuning
	dir  string // "": none
	name string // of the study, as notes have it

	mu sync.Mutex // held while the folder is written
}

// noteFile is the file in the folder that describes the network.
const noteFile = "bluefin.json"

// A note describes the network in a folder. Optuna and transformers ignore it; predict reads it.
type note struct {
	Study  string         `json:"study"`
	Task   string         `json:"task"` // the ID of its weights and data
	Seed   uint64         `json:"seed"`
	Trial  int            `json:"trial"`
	Value  float64        `json:"value"`
	Params map[string]any `json:"params"`
	Files  string         `json:"files"` // SHA-256 of the weights beside it

	TextColumn  string `json:"text_column,omitempty"`
	LabelColumn string `json:"label_column,omitempty"`
}

// newOutput returns the output for a study that is not open yet.
func newOutput(t *tuning) (*output, error) {
	o := &output{tuning: t, dir: t.data.output, name: t.cfg.Name}
	if o.dir == "" {
		return o, nil
	}
	t.task.Keep = o.keep
	err := settleFolder(o.dir)
	if err == nil && !t.data.force {
		err = o.mine()
	}
	if err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	return o, nil
}

// mine returns an error unless the folder is empty or holds the network of a study of this name, task
// and seed.
func (o *output) mine() error {
	all, err := os.ReadDir(o.dir)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(all))
	for _, d := range all {
		if !strings.HasPrefix(d.Name(), temporaryPrefix) {
			names = append(names, d.Name())
		}
	}
	const else_ = "want another folder, or --force to overwrite it"
	b, err := os.ReadFile(filepath.Join(o.dir, noteFile))
	switch {
	case len(names) == 0:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s holds files that no study wrote, such as %q: %s", o.dir, names[0], else_)
	case err != nil:
		return err
	}
	var n note
	id, err := o.task.ID()
	switch jsonErr := json.Unmarshal(b, &n); {
	case err != nil:
		return err
	case jsonErr != nil || n.Files == "":
		return fmt.Errorf("%s holds a %s that this command did not write: %s", o.dir, noteFile, else_)
	case n.Study != o.name:
		return fmt.Errorf("%s holds the network of study %q: %s", o.dir, n.Study, else_)
	case n.Task != id || n.Seed != o.cfg.Seed:
		return fmt.Errorf("%s holds the network of a study %q with other data, another model or another seed: %s",
			o.dir, n.Study, else_)
	}
	files, err := weights(o.dir)
	if err == nil && files != n.Files && files != noWeights {
		err = fmt.Errorf("%s holds weights that its %s does not describe: %s", o.dir, noteFile, else_)
	}
	return err
}

// keep writes the network of a trial if it is the best so far, here and in other processes.
func (o *output) keep(number int, value float64, net *nn.Network) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	better := o.study.Directions()[0].Better
	if best, err := o.study.Best(context.Background()); err == nil && !better(value, best.Values[0]) {
		return nil
	}
	if n, ok := o.note(); ok && n.Trial != number && !better(value, n.Value) {
		return nil
	}
	return o.write(number, value, net)
}

// weights returns the SHA-256 of the files with weights in a folder.
func weights(dir string) (string, error) {
	var paths []string
	for _, pattern := range []string{"*.safetensors", "*/*.safetensors"} {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return "", err
		}
		paths = append(paths, found...)
	}
	sum := sha256.New()
	for _, path := range paths {
		if strings.HasPrefix(path, temporaryPrefix) {
			continue // another process is writing
		}
		f, err := os.Open(filepath.Join(dir, path))
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

// noWeights is the SHA-256 of a folder without weights.
var noWeights = hex.EncodeToString(sha256.New().Sum(nil))

// note returns the note in the folder if it fits: to the name of the study and everything else that
// its values depend on, and to the weights beside it, which somebody may have replaced or removed.
func (o *output) note() (n note, ok bool) {
	b, err := os.ReadFile(filepath.Join(o.dir, noteFile))
	if err != nil || json.Unmarshal(b, &n) != nil {
		return n, false
	}
	id, err := o.task.ID()
	if err != nil || n.Study != o.name || n.Task != id || n.Seed != o.cfg.Seed {
		return n, false
	}
	files, err := weights(o.dir)
	return n, err == nil && n.Files == files
}

// write replaces the network in the folder.
func (o *output) write(number int, value float64, net *nn.Network) error {
	err := putFolder(o.dir, func(dir string) error {
		if err := o.task.save(dir, net); err != nil {
			return err
		}
		if err := o.writeNote(dir, number, value); err != nil || !o.data.force {
			return err
		}
		return o.clear()
	})
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// clear removes the files of another network, which programs might read together with the new ones.
func (o *output) clear() error {
	if o.mine() == nil {
		return nil
	}
	var err error
	for _, name := range []string{
		noteFile, "config.json", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "features.json",
		"modules.json", "1_Pooling", "2_Dense", "2_Normalize", "adapter_config.json", "adapter_model.safetensors",
	} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(o.dir, name)))
	}
	return err
}

// writeNote writes the note that describes a network beside it.
func (o *output) writeNote(dir string, number int, value float64) error {
	trials, err := o.study.Trials(context.Background())
	if err != nil {
		return err
	}
	n := note{Study: o.name, Seed: o.cfg.Seed, Trial: number, Value: value, Params: map[string]any{}}
	if n.Task, err = o.task.ID(); err != nil {
		return err
	}
	if n.Files, err = weights(dir); err != nil {
		return err
	}
	switch o.task.Name {
	case "text":
		n.TextColumn = o.data.textColumn
		fallthrough
	case "csv":
		n.LabelColumn = o.data.labelColumn
	}
	for _, t := range trials {
		if t.Number == number {
			n.Params = externals(t.Params)
		}
	}
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, noteFile), append(b, '\n'), 0o666)
}

// finish makes sure that the folder holds the network of the best trial. If another process ran it, or
// its weights are gone, its training is repeated here.
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
		o.logf("Training trial %d again for --output: its network is missing.", best.Number)
		settings, err := settingsOf(best, o.task.Defaults)
		if err != nil {
			return err
		}
		done := o.working("Training …", time.Now())
		net, _, err := o.task.Train(ctx, finetune.Checkpoints{}, settings, o.cfg.Seed,
			func(int, train.Metrics) error { return nil })
		done()
		if err != nil {
			return err
		}
		if err := o.write(best.Number, best.Values[0], net); err != nil {
			return err
		}
	}
	o.logf("The network of trial %d is in %s.", best.Number, o.dir)
	return nil
}

// settingsOf returns the settings of a trial; base has those that were not searched.
func settingsOf(t *trial.Trial, base finetune.Settings) (finetune.Settings, error) {
	text, err := json.Marshal(externals(t.Params))
	if err == nil {
		err = json.Unmarshal(text, &base)
	}
	return base, err
}
