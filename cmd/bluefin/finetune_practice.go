package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
)

// rehearsal is the part of the data that --rehearse trains on.
const rehearsal = 0.05

// rehearse shows what a trial with the recommended settings takes.
func rehearse(ctx context.Context, c *cli.Context, t *task) error {
	r, err := t.Rehearse(ctx, t.Defaults, c.Uint64("seed"), rehearsal)
	if err != nil {
		return err
	}
	mb := func(bytes int64) float64 { return float64(bytes) / 1e6 }
	f := r.Footprint
	logf(c, "Rehearsal on %d of %d examples: about %s per epoch, at most %s per trial with the recommended settings;", r.Examples, t.Training.Len(), shortTime(r.Epoch), shortTime(r.Total))
	logf(c, "  %.3g MB of memory per worker: weights %.3g, gradients %.3g, moments %.3g, best weights %.3g, activations %.3g.", mb(f.Total()), mb(f.Weights), mb(f.Gradients), mb(f.Moments), mb(f.Best), mb(f.Activations))
	need := int64(c.Int("workers")) * f.Total()
	if free, ok := availableMemory("/proc/meminfo"); ok && need > free {
		logf(c, "  This machine has %.3g MB left, and --workers %d take %.3g: want fewer workers, or shorter texts or a smaller batch_size.", mb(free), c.Int("workers"), mb(need))
	}
	return nil
}

// shortTime shows a time with two digits or, above a minute, in seconds.
func shortTime(d time.Duration) string {
	unit := time.Millisecond
	for 100*unit < d && unit < time.Second {
		unit *= 10
	}
	return d.Round(unit).String()
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
	s, err := t.Similarity(ctx)
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
	logf(c, "So the first trials after the recommended settings have frozen_layers %v. --similarity=false goes without.", shown)
	return all, nil
}
