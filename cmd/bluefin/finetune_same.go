package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// An identity is what the trials of a study must share, or their values could
// not be compared. It is kept with the study.
type identity struct {
	Task   string          `json:"task"`
	ID     string          `json:"id"` // of weights and data
	Seed   uint64          `json:"seed"`
	Metric train.Metric    `json:"metric"`
	Stages finetune.Stages `json:"stages"`
	Kernel string          `json:"kernel"`

	// What ID depends on, so that a message can say what differs. Older studies
	// lack them.
	Flags map[string]string `json:"flags,omitempty"` // of the task, those that are given
	Files map[string]string `json:"files,omitempty"` // SHA-256 of the files among them

	// How the study was searched when it was begun. This may change; it is said.
	Sampler string `json:"sampler,omitempty"`
	Pruner  string `json:"pruner,omitempty"`
}

// identityKey is the user attribute of a study that holds its identity.
const identityKey = "finetune"

func identityOf(c *cli.Context, t *task, seed uint64) (identity, error) {
	id, err := t.ID()
	if err != nil {
		return identity{}, err
	}
	kernel, err := finetune.Kernel()
	if err != nil {
		return identity{}, err
	}
	i := identity{Task: t.Name, ID: id[:16], Seed: seed, Metric: cmp.Or(t.Metric, train.MetricLoss), Stages: t.Stages, Kernel: kernel,
		Flags: map[string]string{}, Files: map[string]string{}, Sampler: c.String("sampler"), Pruner: c.String("pruner")}
	for _, f := range append(taskFlags(), dataFlags()...) {
		name := f.Names()[0]
		if name == "output" || name == "task" || !c.IsSet(name) {
			continue
		}
		i.Flags[name] = fmt.Sprint(c.Value(name))
		if sum, err := fileHash(c.String(name)); err == nil {
			i.Files[name] = sum[:16]
		}
	}
	return i, nil
}

// fileHash returns the SHA-256 of a regular file.
func fileHash(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", cmp.Or(err, os.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// sameTask sees to it that all trials of a study are of one task, trained with
// one seed.
func sameTask(ctx context.Context, c *cli.Context, s *study.Study, task *task, seed uint64) error {
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return err
	}
	now, err := identityOf(c, task, seed)
	if err != nil {
		return err
	}
	stored, ok := attrs[identityKey]
	if !ok {
		trials, err := s.Trials(ctx)
		if err != nil {
			return err
		}
		if countFinished(trials) > 0 {
			return fmt.Errorf("study %q holds trials of something else: give another --study-name", s.Name())
		}
		return s.SetUserAttr(ctx, identityKey, now)
	}
	var was identity
	if err := json.Unmarshal(stored, &was); err != nil {
		return fmt.Errorf("study %q: the attribute %s is not that of a fine-tuning study: give another --study-name", s.Name(), identityKey)
	}
	if was.Task != now.Task {
		return fmt.Errorf("study %q is of --task %s, and this is %s: give another --study-name", s.Name(), was.Task, now.Task)
	}
	if all := was.differs(now); len(all) > 0 {
		return fmt.Errorf("study %q was begun %s: the trials of both could not be compared. Repeat it as it was, or give another --study-name", s.Name(), strings.Join(all, ", and "))
	}
	for _, f := range []struct{ flag, then, now string }{{"sampler", was.Sampler, now.Sampler}, {"pruner", was.Pruner, now.Pruner}} {
		if f.then != "" && f.then != f.now {
			logf(c, "The study was begun with --%s %s and resumes with %s.", f.flag, f.then, f.now)
		}
	}
	if !sameBits(was.Kernel, now.Kernel) {
		logf(c, "The study was begun with the kernel %s, and this is %s: the same settings give results whose last digits differ. BLUEFIN_KERNEL=%s pins it.", was.Kernel, now.Kernel, was.Kernel)
	}
	return nil
}

// differs says what of the study is not so now.
func (was identity) differs(now identity) (all []string) {
	if was.Seed != now.Seed {
		all = append(all, fmt.Sprintf("with --seed %d, and now it is %d", was.Seed, now.Seed))
	}
	if was.Metric != now.Metric {
		all = append(all, fmt.Sprintf("with --metric %s, and now it is %s", was.Metric, now.Metric))
	}
	if was.Stages != now.Stages {
		all = append(all, fmt.Sprintf("with %s, and now it is %s", stagesText(was.Stages), stagesText(now.Stages)))
	}
	if was.ID == now.ID || was.Flags == nil && len(all) > 0 { // which the seed may explain
		return all
	}
	if was.Flags == nil {
		return append(all, "with other data or another model")
	}
	for _, f := range append(taskFlags(), dataFlags()...) {
		name := f.Names()[0]
		then, had := was.Flags[name]
		is, has := now.Flags[name]
		switch {
		case was.Files[name] != "" && was.Files[name] == now.Files[name]: // wherever it lies
		case had && !has:
			all = append(all, fmt.Sprintf("with --%s %s, and now --%s is not given", name, then, name))
		case !had && has:
			all = append(all, fmt.Sprintf("without --%s, and now it is %s", name, is))
		case then != is:
			all = append(all, fmt.Sprintf("with --%s %s, and now it is %s", name, then, is))
		case was.Files[name] != now.Files[name]:
			all = append(all, fmt.Sprintf("with other contents of --%s %s", name, is))
		}
	}
	if len(all) == 0 {
		what := "with other weights or data in this program"
		for _, name := range []string{"model", "pretrained"} {
			if folder, ok := now.Flags[name]; ok {
				what = fmt.Sprintf("with other contents of --%s %s", name, folder)
			}
		}
		all = append(all, what)
	}
	return all
}

// dataName is what a study is called if nothing is said: its task and its data.
func dataName(c *cli.Context, t *task) string {
	file := filepath.Base(c.String("train"))
	if c.String("train") == "" {
		return t.Name
	}
	for _, ext := range []string{".gz", filepath.Ext(strings.TrimSuffix(file, ".gz"))} {
		file = strings.TrimSuffix(file, ext)
	}
	return strings.TrimSuffix(t.Name+"-"+strings.ToValidUTF8(file, "_"), "-")
}

// oldName reports whether there is no study of a name, but one with the name of
// the task, as they once were called, that is of these data.
func oldName(ctx context.Context, db storage.Storage, name string, t *task) (bool, error) {
	if _, err := study.Load(ctx, study.Config{Name: name, Storage: db}); !errors.Is(err, storage.ErrNotExist) {
		return false, err
	}
	s, err := study.Load(ctx, study.Config{Name: t.Name, Storage: db})
	if err != nil {
		if errors.Is(err, storage.ErrNotExist) {
			err = nil
		}
		return false, err
	}
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return false, err
	}
	id, err := t.ID()
	if err != nil {
		return false, err
	}
	var was identity
	return json.Unmarshal(attrs[identityKey], &was) == nil && was.Task == t.Name && was.ID == id[:16], nil
}
