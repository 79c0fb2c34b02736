package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

// prefixTask returns the task of the flags, with so many examples and epochs.
func prefixTask(c *cli.Context) (*finetune.Task, error) {
	examples, err := atLeast(c, "examples", 0)
	if err != nil {
		return nil, err
	}
	epochs, err := atLeast(c, "epochs", 0)
	if err != nil {
		return nil, err
	}
	var task *finetune.Task
	switch name := c.String("task"); name {
	case "text":
		task, err = prefixText(c)
	case "fashion":
		task, err = fashion.Task()
	case "digits":
		task, err = finetune.Digits()
	default:
		err = usagef("--task is %q, want text, fashion or digits", name)
	}
	if err != nil {
		return nil, err
	}
	if r := &task.Space.NumTrainEpochs; epochs > 0 {
		r.Low, r.High = min(r.Low, epochs), min(r.High, epochs)
	}
	if all := task.Training.Len() + task.Validation.Len(); examples > 0 && examples < all {
		return task, shorten(task, float64(examples)/float64(all), c.Uint64("seed"))
	}
	return task, nil
}

func prefixText(c *cli.Context) (*finetune.Task, error) {
	for _, flag := range []string{"model", "train"} {
		if c.String(flag) == "" {
			return nil, usagef("--%s is empty, which --task text needs", flag)
		}
	}
	length, err := atLeast(c, "max-length", 3)
	if err != nil {
		return nil, err
	}
	task, err := text.New(text.Config{
		Model: c.String("model"), Train: c.String("train"), TextColumn: c.String("text-column"), LabelColumn: c.String("label-column"),
		MaxLength: length, Seed: c.Uint64("seed"),
	})
	if err != nil {
		return nil, err
	}
	return task.Task, nil
}

// shorten leaves that share of each part of the data.
func shorten(task *finetune.Task, share float64, seed uint64) error {
	for _, s := range []*train.Set{&task.Training, &task.Validation, &task.Test} {
		if s.Len() == 0 {
			continue
		}
		some, err := train.Subset(s.Len(), s.Labels, share, seed)
		if err != nil {
			return err
		}
		*s = s.Select(some)
	}
	return nil
}
