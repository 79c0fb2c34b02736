package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/prefix"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

func prefixCommand() *cli.Command {
	return &cli.Command{
		Name:  "prefix",
		Usage: "what a study saves that computes frozen blocks once, on one processor",
		Description: "Runs three studies of fine-tuning with the same random settings, trial by trial in turns:\n" +
			"what frozen blocks make of the data is computed again in each epoch, once in each training,\n" +
			"or once in the study. Writes the processor time of all trials, how many times less that is than\n" +
			"with the first, and how many trials have the same value, attributes and weights, bit for bit.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "task", Value: "text", Usage: "`NAME` of the task: text, fashion or digits"},
			&cli.StringFlag{Name: "model", Usage: "`FOLDER` of the text encoder"},
			&cli.StringFlag{Name: "train", Usage: "`FILE` with texts, a CSV"},
			&cli.StringFlag{Name: "text-column", Value: "text", Usage: "`NAME` of the column with texts"},
			&cli.StringFlag{Name: "label-column", Value: "label", Usage: "`NAME` of the column with classes"},
			&cli.IntFlag{Name: "max-length", Value: 32, Usage: "`NUMBER` of tokens of a text at most"},
			&cli.IntFlag{Name: "examples", Value: 200, Usage: "`NUMBER` of training and validation examples; 0: all"},
			&cli.IntFlag{Name: "trials", Value: 12, Usage: "`NUMBER` of trials in a study"},
			&cli.IntFlag{Name: "epochs", Usage: "`NUMBER` of epochs at most; 0: as the task's space says"},
			&cli.StringFlag{Name: "min-frozen", Value: "0,half", Usage: "least `NUMBERS` of frozen blocks in a study, with commas; half: of all, rounded up"},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that decides about the settings and the trainings"},
			&cli.IntFlag{Name: "turns", Value: 1, Usage: "`NUMBER` of repetitions, of which the best time of each trial counts"},
			formatFlag(),
		},
		Action: prefixSavings,
	}
}

func prefixSavings(c *cli.Context) error {
	trials, err := atLeast(c, "trials", 1)
	if err != nil {
		return err
	}
	turns, err := atLeast(c, "turns", 1)
	if err != nil {
		return err
	}
	task, err := prefixTask(c)
	if err != nil {
		return err
	}
	lowest, err := depths(c, task.Layers)
	if err != nil {
		return err
	}
	if _, err := task.ID(); err != nil { // what is done once for all
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var rows []row
	for _, low := range lowest {
		task.Space.FrozenLayers.Low = low
		all, err := reuse(c.Context, task, trials, turns, c.Uint64("seed"))
		if err != nil {
			return err
		}
		for _, r := range all {
			rows = append(rows, row{
				cell("task", task.Name), cell("min_frozen", low), cell("max_frozen", task.Layers), cell("trials", trials),
				cell("epochs", r.epochs), cell("frozen_once_per", r.name), cell("cpu_s", r.seconds()), cell("factor", all[0].seconds()/r.seconds()),
				cell("equal_trials", r.equal(all[0])), cell("cache_mib", r.mib),
			})
		}
	}
	return printRows(c, rows)
}

// depths returns the numbers of blocks of --min-frozen.
func depths(c *cli.Context, layers int) ([]int, error) {
	var all []int
	for _, w := range words(c, "min-frozen") {
		n, err := strconv.Atoi(w)
		switch {
		case w == "half":
			n = (layers + 1) / 2
		case err != nil || n < 0 || n > layers:
			return nil, usagef("--min-frozen is %q, want numbers from 0 to %d, or half", w, layers)
		}
		all = append(all, n)
	}
	if len(all) == 0 {
		return nil, usagef("--min-frozen is empty, want numbers from 0 to %d, or half", layers)
	}
	return all, nil
}

// An economy is what a way to reuse what frozen blocks compute came to.
type economy struct {
	name   string    // once per what they are computed
	trials []outcome // in order
	epochs int       // of all trials
	mib    float64   // that the features took at the end of the study
}

// An outcome is what a trial came to.
type outcome struct {
	seconds float64 // of processor time
	value   float64
	attrs   map[string]string // the user attributes, in JSON
	weights []prefix.Hash     // of the trained network
}

func (e economy) seconds() (sum float64) {
	for _, t := range e.trials {
		sum += t.seconds
	}
	return sum
}

// equal returns how many trials came to the same as those of another economy.
func (e economy) equal(to economy) (n int) {
	for i, t := range e.trials {
		if t.same(to.trials[i]) {
			n++
		}
	}
	return n
}

func (o outcome) same(as outcome) bool {
	return math.Float64bits(o.value) == math.Float64bits(as.value) && slices.Equal(o.weights, as.weights) &&
		fmt.Sprint(o.attrs) == fmt.Sprint(as.attrs)
}

// reuse runs the studies of one space, each trial in all of them before the
// next.
func reuse(ctx context.Context, task *finetune.Task, trials, turns int, seed uint64) ([]economy, error) {
	all := []economy{{name: "epoch"}, {name: "training"}, {name: "study"}}
	for turn := range turns {
		studies := make([]*reuser, len(all))
		for i, e := range all {
			var err error
			if studies[i], err = newReuser(ctx, task, e.name, seed); err != nil {
				return nil, err
			}
		}
		for n := range trials {
			for i, s := range studies {
				o, epochs, err := s.trial(ctx)
				if err != nil {
					return nil, err
				}
				e := &all[i]
				if turn == 0 {
					e.trials, e.epochs = append(e.trials, o), e.epochs+epochs
				}
				e.trials[n].seconds = min(e.trials[n].seconds, o.seconds)
				e.mib = float64(s.features.Stats().Bytes) / (1 << 20)
			}
		}
	}
	return all, nil
}

// A reuser is a study that reuses what frozen blocks compute.
type reuser struct {
	study     *study.Study
	objective study.Objective
	features  *prefix.Cache
	trained   *nn.Network // by the last trial
}

func newReuser(ctx context.Context, task *finetune.Task, name string, seed uint64) (r *reuser, err error) {
	r = &reuser{features: &prefix.Cache{}}
	same := &finetune.Task{
		Name: task.Name, Network: task.Network, Layers: task.Layers, Training: task.Training, Validation: task.Validation, Test: task.Test,
		Defaults: task.Defaults, Metric: task.Metric, ClassWeights: task.ClassWeights, Scale: task.Scale, Patience: task.Patience,
		EvaluateAtMost: task.EvaluateAtMost,
	}
	same.CheckpointEvery = 24 * time.Hour // none: they cost the same in all studies
	same.Recompute = name == "epoch"
	if name == "study" {
		same.Features = r.features
	}
	same.Keep = func(_ int, _ float64, net *nn.Network) error {
		r.trained = net
		return nil
	}
	if _, err := same.ID(); err != nil { // what is done once for all
		return nil, err
	}
	r.objective = same.Objective(task.Space, seed)
	r.study, err = study.Open(ctx, study.Config{Sampler: sampler.Random{}, Seed: seed})
	return r, err
}

// trial runs the next trial and returns how many epochs it trained.
func (r *reuser) trial(ctx context.Context) (o outcome, epochs int, err error) {
	t, err := ask(ctx, r.study)
	if err != nil {
		return o, 0, err
	}
	runtime.GC() // what the others left behind
	start := processorTime()
	if o.value, err = r.objective(t); err != nil {
		return o, 0, err
	}
	o.seconds = processorTime() - start
	record, err := r.study.Tell(ctx, t, []float64{o.value}, nil)
	if err != nil {
		return o, 0, err
	}
	o.attrs = make(map[string]string)
	for name, v := range record.UserAttrs {
		o.attrs[name] = string(v)
	}
	o.weights = prefix.HashBlocks(append(slices.Clone(r.trained.Blocks), r.trained.Head))
	r.trained = nil
	return o, len(record.Reports), nil
}
