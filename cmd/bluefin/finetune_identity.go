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

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// An identity is what the trials of a study must share to be comparable. It is saved with the study.
type identity struct {
	Task   string          `json:"task"`
	ID     string          `json:"id"` // of weights and data
	Seed   uint64          `json:"seed"`
	Metric train.Metric    `json:"metric"`
	Stages finetune.Stages `json:"stages"`
	Kernel string          `json:"kernel"`

	// What ID depends on, so that a message can name what differs. Older studies lack them.
	Flags map[string]string `json:"flags,omitempty"` // of the data, those that were given
	Files map[string]string `json:"files,omitempty"` // SHA-256 of the files among them

	// How the search started. These may change, with a message.
	Sampler string `json:"sampler,omitempty"`
	Pruner  string `json:"pruner,omitempty"`
}

// identityKey is the user attribute of a study that holds its identity.
const identityKey = "finetune"

// identity returns the identity of this run. Its ID is cut to 16 digits, enough to tell data apart.
func (t *tuning) identity() (identity, error) {
	id, err := t.task.ID()
	if err != nil {
		return identity{}, err
	}
	kernel, err := finetune.Kernel()
	if err != nil {
		return identity{}, err
	}
	i := identity{
		Task: t.task.Name, ID: id[:16], Seed: t.cfg.Seed, Metric: t.task.Metric, Stages: t.task.Stages, Kernel: kernel,
		Flags: map[string]string{}, Files: map[string]string{}, Sampler: t.sampler.chosen(), Pruner: t.pruner,
	}
	for _, name := range identityFlags() {
		if value, ok := t.given[name]; ok {
			i.Flags[name] = value
			if sum, err := fileHash(value); err == nil {
				i.Files[name] = sum[:16]
			}
		}
	}
	return i, nil
}

// identityFlags are the flags on which the ID of a task depends.
func identityFlags() (names []string) {
	for _, f := range new(dataFlags).flags() {
		if name := f.Names()[0]; name != "output" && name != "force" && name != "task" {
			names = append(names, name)
		}
	}
	return names
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

// sameTask makes sure that all trials of a study have one identity.
func (t *tuning) sameTask(ctx context.Context, s *study.Study) error {
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return err
	}
	now, err := t.identity()
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
			return fmt.Errorf("study %q has trials that finetune did not run: give another --study-name", s.Name())
		}
		return s.SetUserAttr(ctx, identityKey, now)
	}
	var was identity
	if err := json.Unmarshal(stored, &was); err != nil {
		return fmt.Errorf("study %q: the attribute %s does not describe a fine-tuning study: give another --study-name",
			s.Name(), identityKey)
	}
	if was.Task != now.Task {
		return fmt.Errorf("study %q was started with --task %s, and this is %s: give another --study-name",
			s.Name(), was.Task,
			now.Task)
	}
	if all := was.differs(now); len(all) > 0 {
		return fmt.Errorf("study %q was started %s: their trials could not be compared. Repeat it as it was, "+
			"or give another --study-name", s.Name(), strings.Join(all, ", and "))
	}
	for _, f := range []struct{ flag, then, now string }{
		{"sampler", was.Sampler, now.Sampler}, {"pruner", was.Pruner, now.Pruner},
	} {
		if f.then != "" && f.then != f.now {
			t.logf("The study was started with --%s %s and resumes with %s.", f.flag, f.then, f.now)
		}
	}
	if !sameBits(was.Kernel, now.Kernel) {
		t.logf("The study was started with the kernel %s, and this is %s: the same settings give results whose "+
			"last digits differ. BLUEFIN_KERNEL=%s pins it.",
			was.Kernel, now.Kernel, was.Kernel)
	}
	return nil
}

// differs lists the differences between how a study was started and how it is resumed.
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
	if was.ID == now.ID || was.Flags == nil && len(all) > 0 { // the seed may explain it: it divides the data
		return all
	}
	if was.Flags == nil {
		return append(all, "with other data or another model")
	}
	for _, name := range identityFlags() {
		then, had := was.Flags[name]
		is, has := now.Flags[name]
		switch {
		case was.Files[name] != "" && was.Files[name] == now.Files[name]: // the same file, moved
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

// studyName is the default name of a study: its task and its data.
func (f *dataFlags) studyName(t *task) string {
	if f.train == "" {
		return t.Name
	}
	file := filepath.Base(f.train)
	for _, ext := range []string{".gz", filepath.Ext(strings.TrimSuffix(file, ".gz"))} {
		file = strings.TrimSuffix(file, ext)
	}
	return strings.TrimSuffix(t.Name+"-"+strings.ToValidUTF8(file, "_"), "-")
}

// oldName reports whether there is no study of the name, but one with the name of the task, which was
// the default before, and with the same data.
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

// sameBits reports whether two kernels give the same results.
func sameBits(a, b string) bool {
	fused := func(name string) bool { return name == "avx2" || name == "avx512" }
	return a == b || fused(a) && fused(b)
}
