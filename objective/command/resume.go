package command

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/study"
)

// A Resume is how a program is asked to resume from its checkpoint.
type Resume uint8

// The ways to resume. Each appends its argument in the style of Config.Style, if a trial that runs
// again has a checkpoint.
const (
	NoResume  Resume = iota // by {last_checkpoint} or BLUEFIN_LAST_CHECKPOINT alone
	HF                      // --resume_from_checkpoint, as the Hugging Face trainer's scripts
	Lightning               // --ckpt_path, as Lightning's command line
)

var resumeNames = [...]string{"none", "hf", "lightning"}

// String returns the name.
func (r Resume) String() string { return word(r, resumeNames[:], "Resume") }

// ParseResume is the inverse of Resume.String.
func ParseResume(name string) (Resume, error) {
	return parseWord[Resume](name, resumeNames[:], "resume")
}

// arguments returns those that pass the checkpoint.
func (r Resume) arguments(s Style, checkpoint string) ([]string, error) {
	if checkpoint == "" || r == NoResume {
		return nil, nil
	}
	if s == None {
		s = Flags
	}
	name := map[Resume]string{HF: "resume_from_checkpoint", Lightning: "ckpt_path"}[r]
	return s.Arguments(map[string]any{name: checkpoint})
}

// checkpoint returns the newest checkpoint in a trial's folder or up to four levels below: a folder
// named checkpoint-*, or a file or folder named *.ckpt. It returns "" if there is none. One that its program
// was writing when it was killed does not count.
func (r Resume) checkpoint(folder string) string {
	type candidate struct {
		path string
		time time.Time
		hf   bool
	}
	var all []candidate
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was deleted meanwhile
		}
		hf := r != Lightning && d.IsDir() && strings.HasPrefix(d.Name(), "checkpoint-") && path != folder
		ckpt := r != HF && (d.IsDir() || d.Type().IsRegular()) && strings.HasSuffix(d.Name(), ".ckpt")
		if info, err := d.Info(); err == nil && (hf || ckpt) {
			all = append(all, candidate{path, info.ModTime(), hf})
		}
		depth := strings.Count(strings.TrimPrefix(path, folder), string(filepath.Separator))
		if d.IsDir() && (hf || ckpt || depth > 3) {
			return filepath.SkipDir
		}
		return nil
	})
	slices.SortFunc(all, func(a, b candidate) int {
		// Of those of one moment, checkpoint-100 comes before checkpoint-20.
		return cmp.Or(b.time.Compare(a.time), cmp.Compare(len(b.path), len(a.path)), strings.Compare(b.path, a.path))
	})
	stated := r == HF || slices.ContainsFunc(all, func(c candidate) bool { return hasState(c.path) })
	for _, c := range all {
		if c.hf && (!stated || hasState(c.path)) || !c.hf && isWhole(c.path) {
			return c.path
		}
	}
	return ""
}

// hasState reports whether a folder has the file that the Hugging Face trainer writes last.
func hasState(folder string) bool {
	text, err := os.ReadFile(filepath.Join(folder, "trainer_state.json"))
	return err == nil && json.Valid(text)
}

// isWhole reports whether a file that PyTorch saved, a zip archive, is complete. Others count as
// whole.
func isWhole(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() { // of a model in shards
		return true
	}
	magic := make([]byte, 4)
	if n, _ := f.Read(magic); err != nil || n < len(magic) {
		return false
	}
	if string(magic) != "PK\x03\x04" {
		return true
	}
	_, err = zip.NewReader(f, info.Size())
	return err == nil
}

// saveCheckpoint notes in the study that the program has a new checkpoint, name: a restarted trial keeps its
// reports up to it, and may be restarted any number of times as long as it makes progress. It returns
// study.ErrPaused if the trial should pause now.
func (w *watch) saveCheckpoint(name string) error {
	if name == "" || name == w.checkpoint {
		return nil
	}
	err := w.trial.Checkpoint(w.top, []byte(name))
	paused := errors.Is(err, study.ErrPaused)
	if err == nil || paused {
		w.checkpoint = name
	}
	if paused {
		return err
	}
	return nil // another error has ended the context of the trial
}

// newest names the newest checkpoint, "" if there is none.
func (w *watch) newest() string {
	path := w.command.cfg.Resume.checkpoint(w.folder)
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d", path, info.ModTime().UnixNano()) // last.ckpt is written again and again
}

// paused takes in what the program did after the checkpoint at which it was stopped to pause. If it has
// written another one, it resumes from that, so what it reported meanwhile counts; else it does that again.
func (w *watch) paused() error {
	w.look()
	name := w.newest()
	if name == "" || name == w.checkpoint {
		return study.ErrPaused
	}
	if err := w.report(true); err != nil && !errors.Is(err, study.ErrPaused) {
		return err
	}
	_ = w.saveCheckpoint(name) // if it fails, the trial is another worker's
	return study.ErrPaused
}

// loadCheckpoint reads the last checkpoint that an earlier run of the trial noted.
func (w *watch) loadCheckpoint() {
	if c, err := w.trial.Resume(); err == nil && c != nil {
		w.checkpoint = string(c.Data)
	}
}
