package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// rehearsal is the part of the data that --rehearse trains on.
const rehearsal = 0.05

// whether is the value of --rehearse: nothing, true, or only, after which there
// is no study.
type whether string

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

// IsBoolFlag lets the flag stand without a value.
func (w *whether) IsBoolFlag() bool { return true }

// rehearse shows what a trial with the recommended settings takes.
func rehearse(ctx context.Context, c *cli.Context, t *task) error {
	r, err := phase(ctx, c, "rehearsing", fmt.Sprintf("Rehearsing an epoch on a twentieth of %d examples …", t.Training.Len()), func() (train.Rehearsal, error) {
		return t.Rehearse(ctx, t.Defaults, c.Uint64("seed"), rehearsal)
	})
	if err != nil {
		return err
	}
	f := r.Footprint
	logf(c, "Rehearsal on %d of %d examples: about %s per epoch, at most %s per trial with the recommended settings;", r.Examples, t.Training.Len(), shortTime(r.Epoch), shortTime(r.Total))
	logf(c, "  %s of memory per worker: weights %s, gradients %s, moments %s, best weights %s, activations %s.",
		shortSize(f.Total()), shortSize(f.Weights), shortSize(f.Gradients), shortSize(f.Moments), shortSize(f.Best), shortSize(f.Activations))
	need := int64(c.Int("workers")) * f.Total()
	if free, ok := availableMemory("/proc/meminfo"); ok && need > free {
		logf(c, "  This machine has %s left, and --workers %d take %s: want fewer workers, or shorter texts or a smaller batch_size.", shortSize(free), c.Int("workers"), shortSize(need))
	}
	return nil
}

// availableMemory returns the bytes that a machine with Linux can give to
// programs without swapping, from the file that says so.
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

// similar shows how much the frozen network knows of the new classes, and
// returns settings, limit at most, that freeze as much and are the recommended
// ones otherwise.
func similar(ctx context.Context, c *cli.Context, t *task, limit int) ([]finetune.Settings, error) {
	says := fmt.Sprintf("Measuring frozen features at %d depths, about as long as an epoch; --similarity=false skips it …", t.Layers+1)
	s, err := phase(ctx, c, "measuring frozen features", says, func() (finetune.Similarity, error) { return t.Similarity(ctx) })
	if err != nil {
		return nil, err
	}
	logf(c, "How well frozen features tell the classes apart (by chance %.1f %%):", 100*s.Chance)
	for _, d := range s.Depths {
		mark := " "
		if d.Frozen == s.Frozen {
			mark = "*"
		}
		logf(c, "%s frozen_layers=%d: linear probe %.1f %%, LogME %.3f", mark, d.Frozen, 100*d.Accuracy, d.LogME)
	}
	var all []finetune.Settings
	var shown []int
	for _, frozen := range []int{s.Frozen, s.Frozen + 1, s.Frozen - 1} {
		if sp := t.Space.FrozenLayers; frozen < sp.Low || frozen > sp.High || frozen == t.Defaults.FrozenLayers {
			continue
		}
		if len(all) == limit {
			break
		}
		settings := t.Defaults
		settings.FrozenLayers = frozen
		all, shown = append(all, settings), append(shown, frozen)
	}
	if len(shown) == 0 {
		return nil, nil
	}
	logf(c, "So the first trials after the recommended settings have frozen_layers %v. --similarity=false skips this.", shown)
	return all, nil
}
