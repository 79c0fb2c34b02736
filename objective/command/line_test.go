//go:build unix

package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/study"
)

// A trial keeps its command line in a form that can be run again: exact arguments, where, and with what.
func TestTrialsKeepTheirCommandLine(t *testing.T) {
	folder := t.TempDir()
	tr := run(t, command.Config{Args: []string{"it's {layers}", "{trial_dir}/x", "{last_checkpoint}", ""}, Folder: folder,
		Env: []string{"A=b c"}},
		"echo loss=1")
	var line command.Line
	if err := json.Unmarshal(tr.UserAttrs[command.LineAttr], &line); err != nil {
		t.Fatal(err)
	}
	dir, _ := os.Getwd()
	want := command.Line{
		Args: []string{"sh", "-c", "echo loss=1", "script", "it's 3", folder + "/0/x", "", ""}, Dir: dir,
		Env:    []string{"A=b c"},
		Folder: folder + "/0",
	}
	if !reflect.DeepEqual(line, want) {
		t.Errorf("got %+v, want %+v", line, want)
	}
}

// A line is moved to another folder with the files that the program reads, and runs there.
func TestALineRunsAgainInAnotherFolder(t *testing.T) {
	root, again := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "base.yaml"), []byte("opt: sgd\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	script := `cat "$1"; echo "$2 $3 $BLUEFIN_TRIAL_DIR $BLUEFIN_PARAM_LAYERS $W"; cat "$BLUEFIN_PARAMS"; echo x >> "$BLUEFIN_TRIAL_DIR/made"; echo loss=1`
	tr := run(t, command.Config{Args: []string{"{config}", "{trial_dir}/out", root + "/01"}, Folder: root,
		Render: root + "/base.yaml", Env: []string{"W=" + root + "/0:x"}}, script)
	var line command.Line
	if err := json.Unmarshal(tr.UserAttrs[command.LineAttr], &line); err != nil {
		t.Fatal(err, tr.Failure())
	}
	moved, err := line.In(again)
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]any{"layers": 3, "lr": 0.5}
	var out strings.Builder
	if err := moved.Run(t.Context(), 0, params, time.Second, &out); err != nil {
		t.Fatal(err, out.String())
	}
	want := "opt: adam\nlayers: 3\nlr: 0.5\n" + again + "/out " + root + "/01 " + again + " 3 " + again + ":x\n" +
		"{\"layers\": 3, \"lr\": 0.5, \"opt\": \"adam\"}\nloss=1\n"
	if got := out.String(); got != want {
		t.Errorf("it printed\n%swant\n%s", got, want)
	}
	for _, folder := range []string{root + "/0", again} {
		if text, err := os.ReadFile(filepath.Join(folder, "made")); err != nil || string(text) != "x\n" {
			t.Errorf("%s/made is %q, want one line: %v", folder, text, err)
		}
	}
	// A program that ignores SIGTERM does not outlive the context.
	moved.Args = []string{"sh", "-c", "trap '' TERM; echo started; sleep 60; sleep 60"}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("enough"))
	defer cancel()
	start := time.Now()
	if err := moved.Run(ctx, 0, params, 100*time.Millisecond,
		io.Discard); err == nil || err.Error() != "enough" || time.Since(start) > 20*time.Second {
		t.Errorf("got %v after %v, want the end of the context", err, time.Since(start))
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if moved.Args = []string{"sh", "-c", "echo lost; exit 3"}; err == nil { // Linux has it
		defer full.Close()
		if err := moved.Run(t.Context(), 0, params, time.Second, full); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v, want that the output is lost", err)
		}
	}
	moved.Args = []string{"sh", "-c", "exit 3"}
	if err := moved.Run(t.Context(), 0, params, time.Second,
		io.Discard); err == nil || err.Error() != "sh ended with exit status 3" {
		t.Errorf("got %v, want the exit status", err)
	}
}

// What a program got as nested parameters or lists is not in the study in that form.
func TestALineHasTheParametersAsTheProgramGotThem(t *testing.T) {
	cfg := command.Config{Folder: t.TempDir(), Params: func(tr *study.Trial) map[string]any {
		return map[string]any{"opt": map[string]any{"lr": tr.SuggestAll()["lr"]}, "sizes": []any{8, 16}}
	}}
	tr := run(t, cfg, `echo "$BLUEFIN_PARAM_OPT $BLUEFIN_PARAM_SIZES"; echo loss=1`)
	var line command.Line
	if err := json.Unmarshal(tr.UserAttrs[command.LineAttr], &line); err != nil {
		t.Fatal(err, tr.Failure())
	}
	var out strings.Builder
	if err := line.Run(t.Context(), 0, map[string]any{"opt.lr": 0.5, "sizes": "[8, 16]"}, time.Second, &out); err != nil {
		t.Fatal(err)
	}
	if want := "{\"lr\": 0.5} [8, 16]\nloss=1\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
