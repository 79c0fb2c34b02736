package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// rehearsal is the share of the data that --rehearse trains on.
const rehearsal = 0.05

// whether is the value of --rehearse: "", "true", or "only", after which there is no study.
type whether string

// Set implements cli.Generic.
func (w *whether) Set(text string) error {
	if text == "only" {
		*w = "only"
		return nil
	}
	yes, err := strconv.ParseBool(text)
	*w = ""
	if yes {
		*w = "true"
	}
	return err
}

func (w *whether) String() string { return string(*w) }

// IsBoolFlag makes the value optional.
func (w *whether) IsBoolFlag() bool { return true }

// rehearse reports the time and memory of a trial with the recommended settings.
func (t *tuning) rehearse(ctx context.Context) error {
	examples := t.task.Training.Len()
	message := fmt.Sprintf("Rehearsing an epoch on a twentieth of %d examples …", examples)
	r, err := phase(ctx, t.console, "rehearsing", message, func() (train.Rehearsal, error) {
		return t.task.Rehearse(ctx, t.task.Defaults, t.cfg.Seed, rehearsal)
	})
	if err != nil {
		return err
	}
	f := r.Footprint
	t.logf("Rehearsal on %d of %d examples: about %s per epoch, at most %s per trial with the recommended settings;",
		r.Examples, examples, shortTime(r.Epoch), shortTime(r.Total))
	t.logf("  %s of memory per worker: weights %s, gradients %s, moments %s, best weights %s, activations %s.",
		shortSize(f.Total()), shortSize(f.Weights), shortSize(f.Gradients),
		shortSize(f.Moments), shortSize(f.Best), shortSize(f.Activations))
	need := int64(t.workers) * f.Total()
	if free, ok := availableMemory("/proc/meminfo"); ok && need > free {
		t.logf("  This machine has %s free, and --workers %d needs %s: want fewer workers, or shorter texts or a "+
			"smaller batch_size.", shortSize(free), t.workers, shortSize(need))
	}
	return nil
}

// availableMemory returns the bytes that Linux can give to programs without swapping, from its file.
func availableMemory(file string) (bytes int64, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &bytes); n == 1 {
			return bytes << 10, true
		}
	}
	return 0, false
}

// similar shows how well frozen features separate the new classes. It returns at most limit settings
// that freeze as many blocks, and are the recommended ones otherwise.
func (t *tuning) similar(ctx context.Context, limit int) ([]finetune.Settings, error) {
	task := t.task
	message := fmt.Sprintf("Measuring frozen features at %d depths, about as long as an epoch; --similarity=false "+
		"skips it …", task.Layers+1)
	s, err := phase(ctx, t.console, "measuring frozen features", message,
		func() (finetune.Similarity, error) { return task.Similarity(ctx) })
	if err != nil {
		return nil, err
	}
	t.logf("How well frozen features tell the classes apart (by chance %.1f %%):", 100*s.Chance)
	for _, d := range s.Depths {
		mark := " "
		if d.Frozen == s.Frozen {
			mark = "*"
		}
		t.logf("%s frozen_layers=%d: linear probe %.1f %%, LogME %.3f", mark, d.Frozen, 100*d.Accuracy, d.LogME)
	}
	var all []finetune.Settings
	var shown []int
	for _, frozen := range []int{s.Frozen, s.Frozen + 1, s.Frozen - 1} {
		if sp := task.Space.FrozenLayers; frozen < sp.Low || frozen > sp.High || frozen == task.Defaults.FrozenLayers {
			continue
		}
		if len(all) == limit {
			break
		}
		settings := task.Defaults
		settings.FrozenLayers = frozen
		all, shown = append(all, settings), append(shown, frozen)
	}
	if len(shown) == 0 {
		return nil, nil
	}
	t.logf("So the first trials after the recommended settings have frozen_layers %v. --similarity=false skips this.",
		shown)
	return all, nil
}
