package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// search runs finetune on the digits for two trials, or on other flags.
func search(t *testing.T, flags ...string) (code int, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	args := append([]string{"bluefin", "finetune", "--sampler", "random", "--pruner", "none", "--trials", "2"}, flags...)
	code = run(context.Background(), args, &out, &err)
	return code, err.String()
}

func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOutputIsNotPutOverWhatOthersWrote(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "s.db")
	mine := filepath.Join(dir, "mine")
	if code, stderr := search(t, "--storage", db, "--output", mine); code != 0 {
		t.Fatal(code, stderr)
	}
	before := filesOf(t, mine)
	if len(before) != 2 {
		t.Fatalf("the folder has %d files, want the weights and the note", len(before))
	}
	// The same study continues in it, and other files there stay.
	if err := os.WriteFile(filepath.Join(mine, "notes.txt"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, stderr := search(t, "--storage", db, "--output", mine, "--trials", "3"); code != 0 {
		t.Fatal(code, stderr)
	}

	foreign := filepath.Join(dir, "foreign")
	damaged := filepath.Join(dir, "damaged")
	swapped := filepath.Join(dir, "swapped")
	for path, text := range map[string]string{
		filepath.Join(foreign, "model.safetensors"): "weights of others",
		filepath.Join(foreign, "config.json"):       "{}",
		filepath.Join(damaged, noteFile):            "{}",
		filepath.Join(swapped, "model.safetensors"): "weights of others",
		filepath.Join(swapped, noteFile):            before[filepath.Join(mine, noteFile)],
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		dir   string
		flags []string
		want  string
	}{
		"files of others":  {foreign, nil, `holds files that no study wrote, such as "config.json"`},
		"another note":     {damaged, nil, "holds a bluefin.json that this command did not write"},
		"other weights":    {swapped, nil, "holds weights that its bluefin.json does not describe"},
		"another study":    {mine, []string{"--study-name", "other"}, `holds the network of study "digits"`},
		"another seed":     {mine, []string{"--seed", "7", "--storage", filepath.Join(dir, "t.db")}, "other data, another model or another seed"},
		"another task":     {mine, []string{"--task", "fashion", "--study-name", "digits", "--storage", filepath.Join(dir, "t.db")}, "other data, another model or another seed"},
		"file, not folder": {db, nil, "--output"},
	} {
		was := filesOf(t, c.dir)
		code, stderr := search(t, append([]string{"--storage", db, "--output", c.dir}, c.flags...)...)
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "trial") {
			t.Errorf("%s: exit code %d and %q, want it refused before any trial with %q", name, code, stderr, c.want)
		}
		if name == "file, not folder" {
			continue
		}
		for path, text := range filesOf(t, c.dir) {
			if was[path] != text {
				t.Errorf("%s: %s has changed", name, path)
			}
		}
	}
	if code, stderr := search(t, "--storage", db, "--output", foreign, "--force"); code != 0 {
		t.Fatal(code, stderr)
	}
	now := filesOf(t, foreign)
	if now[filepath.Join(foreign, "model.safetensors")] == "weights of others" || now[filepath.Join(foreign, "config.json")] != "" || now[filepath.Join(foreign, noteFile)] == "" {
		t.Errorf("forced, the folder holds %d files, want the network in the place of the other", len(now))
	}
}

// A kill at any moment leaves a folder that is the old one or, once it is used
// again, the new one.
func TestPutFolderIsAllOrNothing(t *testing.T) {
	put := func(dir, text string) error {
		return putFolder(dir, func(to string) error {
			return errors.Join(os.WriteFile(filepath.Join(to, "a"), []byte(text), 0o666), os.Mkdir(filepath.Join(to, "sub"), 0o777),
				os.WriteFile(filepath.Join(to, "sub", "b"), []byte(text), 0o666))
		})
	}
	holds := func(dir string) string {
		all := filesOf(t, dir)
		if len(all) != 2 || all[filepath.Join(dir, "a")] != all[filepath.Join(dir, "sub", "b")] {
			t.Errorf("the folder holds %v, want a and sub/b of the same", all)
		}
		return all[filepath.Join(dir, "a")]
	}
	dir := t.TempDir()
	if err := put(dir, "old"); err != nil || holds(dir) != "old" {
		t.Fatal(err)
	}
	// It fails while it writes: the old ones stay, and nothing else does.
	if err := putFolder(dir, func(to string) error {
		return errors.Join(os.WriteFile(filepath.Join(to, "a"), []byte("half"), 0o666), errors.New("the disk is full"))
	}); err == nil || holds(dir) != "old" {
		t.Error(err)
	}
	// It was killed with no file at its place, or one of two.
	for _, moved := range []bool{false, true} {
		ready := filepath.Join(dir, settledLater)
		for _, name := range []string{"a", filepath.Join("sub", "b")} {
			path := filepath.Join(ready, name)
			if moved && name == "a" {
				path = filepath.Join(dir, name)
			}
			if err := errors.Join(os.MkdirAll(filepath.Join(ready, "sub"), 0o777), os.WriteFile(path, []byte("new"), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		if err := settleFolder(dir); err != nil || holds(dir) != "new" {
			t.Errorf("moved %v: %v", moved, err)
		}
		if err := put(dir, "old"); err != nil || holds(dir) != "old" {
			t.Fatal(err)
		}
	}
	// Two at the same time end with the files of one of them.
	done := make(chan error)
	for _, text := range []string{"x", "y"} {
		go func() {
			var err error
			for range 20 {
				err = errors.Join(err, put(dir, text))
			}
			done <- err
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
}
