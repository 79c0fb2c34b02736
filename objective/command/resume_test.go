package command

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// archive is a file as torch.save writes it.
func archive(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("archive/data.pkl")
	if err == nil {
		_, err = f.Write(bytes.Repeat([]byte("weights"), 1000))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheNewestWholeCheckpointIsFound(t *testing.T) {
	whole := archive(t)
	type files []string // NAME or NAME=TEXT, the oldest first; a name that ends in / is a folder
	for _, c := range []struct {
		name   string
		resume Resume
		files  files
		want   string
	}{
		{"none", NoResume, files{"output.log=x"}, ""},
		{"the newest", NoResume, files{"checkpoint-9/", "checkpoint-10/", "checkpoint-2/"}, "checkpoint-2"},
		{"in a folder below", NoResume, files{"out/run/checkpoint-9/"}, "out/run/checkpoint-9"},
		{"a file", NoResume, files{"checkpoint-1/", "logs/version_0/checkpoints/epoch=1-step=20.ckpt=" + whole},
			"logs/version_0/checkpoints/epoch=1-step=20.ckpt"},
		{"a file in another format", NoResume, files{"last.ckpt=abcdefgh"}, "last.ckpt"},
		{"a file that is not whole", Lightning, files{"a.ckpt=" + whole, "b.ckpt=" + whole[:len(whole)/2], "c.ckpt="},
			"a.ckpt"},
		{"only files for Lightning", Lightning, files{"a.ckpt=" + whole, "checkpoint-1/"}, "a.ckpt"},
		{"a folder of shards", Lightning, files{"a.ckpt=" + whole, "b.ckpt/"}, "b.ckpt"},
		{"only folders for Hugging Face", HF, files{"checkpoint-1/trainer_state.json={}", "a.ckpt=" + whole}, "checkpoint-1"},
		{"a folder that is not whole", HF, files{"checkpoint-1/trainer_state.json={}", "checkpoint-2/model=x",
			"checkpoint-3/trainer_state.json={\"a\":"}, "checkpoint-1"},
		{"whole ones come first without a hint, too", NoResume, files{"checkpoint-1/trainer_state.json={}", "checkpoint-2/"},
			"checkpoint-1"},
		{"none is whole", HF, files{"checkpoint-2/model=x"}, ""},
		{"too deep", NoResume, files{"a/b/c/d/e/f/checkpoint-1/"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "checkpoint-0") // a folder of a trial may have any name
			at := time.Now().Add(-time.Hour)
			for _, file := range c.files {
				name, text, isFile := cutLast(file)
				path := filepath.Join(folder, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if isFile {
					if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
						t.Fatal(err)
					}
				} else if err := os.MkdirAll(path, 0o777); err != nil {
					t.Fatal(err)
				}
				at = at.Add(time.Minute)
				for p := path; p != folder; p = filepath.Dir(p) {
					if err := os.Chtimes(p, at, at); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := c.resume.checkpoint(folder)
			if rel, err := filepath.Rel(folder, got); got != "" && err == nil {
				got = filepath.ToSlash(rel)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// cutLast splits NAME=TEXT; a name may have = in it before .ckpt.
func cutLast(file string) (name, text string, isFile bool) {
	if i := strings.Index(file, ".ckpt="); i >= 0 {
		return file[:i+5], file[i+6:], true
	}
	return strings.Cut(file, "=")
}

func TestACheckpointIsPassedInTheStyleOfTheArguments(t *testing.T) {
	const path = "/t/epoch=1.ckpt"
	for _, c := range []struct {
		resume Resume
		style  Style
		want   string
	}{
		{NoResume, Flags, ""},
		{HF, Flags, "--resume_from_checkpoint " + path},
		{HF, Equals, "--resume_from_checkpoint=" + path},
		{HF, None, "--resume_from_checkpoint " + path},
		{Lightning, Flags, "--ckpt_path " + path},
		{Lightning, Hydra, "ckpt_path='" + path + "'"},
	} {
		args, err := c.resume.arguments(c.style, path)
		if got := strings.Join(args, " "); err != nil || got != c.want {
			t.Errorf("%v, %v: got %q, %v, want %q", c.resume, c.style, got, err, c.want)
		}
		if args, _ := c.resume.arguments(c.style, ""); args != nil {
			t.Errorf("%v without a checkpoint: got %q", c.resume, args)
		}
	}
}
