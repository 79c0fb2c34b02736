//go:build unix

package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var params = space.Must(space.New(
	space.Dimension{Name: "lr", Dist: space.Float{Low: 0.5, High: 0.5}},
	space.Dimension{Name: "layers", Dist: space.Int{Low: 3, High: 3}},
	space.Dimension{Name: "opt", Dist: space.Categorical{Choices: []any{"adam"}}},
))

var loss = []command.Metric{{Name: "loss"}}

// metric is a Config with one metric.
func metric(name string) command.Config {
	return command.Config{Metrics: []command.Metric{{Name: name}}}
}

// run runs a shell script once and returns the trial.
func run(t *testing.T, cfg command.Config, script string) *trial.Trial {
	t.Helper()
	cfg.Args = append([]string{"sh", "-c", script, "script"}, cfg.Args...)
	if cfg.Metrics == nil {
		cfg.Metrics = loss
	}
	c, err := command.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params, Sampler: sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		var failed *study.TrialError
		if !errors.As(err, &failed) {
			t.Fatal(err)
		}
	}
	trials, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return trials[0]
}

func steps(tr *trial.Trial) string {
	var text []string
	for _, r := range tr.Reports {
		text = append(text, fmt.Sprintf("%d:%v", r.Step, r.Value))
	}
	return strings.Join(text, " ")
}

func TestOutputIsRead(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		value              float64
		cfg                command.Config
	}{
		{"NAME: VALUE", "echo accuracy: 0.93", "0:0.93", 0.93, metric("accuracy")},
		{"NAME=VALUE with others", "echo 'epoch=1, loss=2.5e-1, n=3'; echo 'epoch=2, loss=.125'", "1:0.25 2:0.125", 0.125,
			command.Config{}},
		{"JSON lines", `echo '{"step": 10, "loss": 0.1}'; echo 'INFO {"step": 20, "loss": 0.30000000000000004}'`,
			"10:0.1 20:0.30000000000000004", 0.30000000000000004, command.Config{}},
		{"a nested name", `echo '{"eval": {"loss": 2}}'`, "0:2", 2, metric("eval.loss")},
		{"a Python dictionary", `echo "{'eval_loss': 0.5, 'epoch': 1.0}"; echo "{'eval_loss': '0.25', 'epoch': '2'}"`,
			"1:0.5 2:0.25", 0.25, metric("eval_loss")},
		{"half epochs are counted", `echo "{'eval_loss': 0.5, 'epoch': 0.5}"; echo "{'eval_loss': 0.25, 'epoch': 0.7}"`,
			"0:0.5 1:0.25", 0.25, metric("eval_loss")},
		{"Syne Tune", `echo '[tune-metric]: {"loss": 3, "st_worker_iter": 0}'`, "0:3", 3, command.Config{}},
		{"a pattern", "echo 'step 7 reached <<1.5>>'", "7:1.5", 1.5,
			command.Config{Pattern: regexp.MustCompile(`step (?P<step>\d+).*<<(.*)>>`)}},
		{"no end of the last line", "printf 'loss=1\nloss=2'", "0:1 1:2", 2, command.Config{}},
		{"a progress bar", `printf '10%% loss=9\r20%% loss=8\r100%% loss=7\nloss=6\n'`, "0:7 1:6", 6, command.Config{}},
		{"a name with a space", "echo 'best val acc: 0.5, val acc: 0.75 (epoch 3)'", "0:0.75", 0.75, metric("val acc")},
		{"a name with parentheses", "echo 'epoch=4 mAP50(B)=0.5'", "4:0.5", 0.5, metric("mAP50(B)")},
		{"a name in another language", "echo 'größe: 0.5'", "0:0.5", 0.5, metric("größe")},
		{"the end of a sentence", "echo 'The loss: 0.5.'", "0:0.5", 0.5, command.Config{}},
		{"numbers of NumPy and PyTorch",
			`echo "{'loss': np.float64(0.5), 'b': 1}"; echo "loss: tensor(0.25, device='cuda:0')"`, "0:0.5", 0.5,
			command.Config{}},
		{"a tensor", `echo "loss: tensor(0.25, device='cuda:0')"`, "0:0.25", 0.25, command.Config{}},
		{"steps out of order", "for s in 5 3 -1 5 1e30; do echo step=$s loss=$s; done", "3:3 5:5 6:-1 7:5 8:1e+30", 1e30,
			command.Config{}},
		{"lines without the metric", "yes epoch=1 | head -n 5000; echo loss=1", "0:1", 1, command.Config{}},
		{"no end of file on the standard input", "cat; echo loss=1", "0:1", 1, command.Config{}},
		{"a closed standard output", "echo loss=1; exec >&- 2>&-; sleep 0.1", "0:1", 1, command.Config{}},
		{"a deleted folder", `rm -rf "$BLUEFIN_TRIAL_DIR"; echo loss=1`, "0:1", 1, command.Config{Folder: "deleted"}},
		{"the standard error", "echo loss=1 >&2", "0:1", 1, command.Config{}},
		{"the best, minimized", "echo loss=1; echo loss=0.5; echo loss=2", "0:1 1:0.5 2:2", 0.5, command.Config{Best: true}},
		{"the best, maximized", "echo loss=1; echo loss=5; echo loss=2", "0:1 1:5 2:2", 5, command.Config{Best: true,
			Metrics: []command.Metric{{Name: "loss", Maximize: true}}}},
		{"JSON is preferred to text", `echo '{"loss": 0.123456}'; echo loss=0.12`, "0:0.123456", 0.123456, command.Config{}},
		{"one reader alone", `echo '{"loss": 0.123456}'; echo loss=0.12`, "0:0.12", 0.12, command.Config{Reader: "text"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.cfg.Folder != "" {
				c.cfg.Folder = t.TempDir()
			}
			tr := run(t, c.cfg, c.script)
			if tr.State != trial.Complete || tr.Values[0] != c.value || steps(tr) != c.want {
				t.Errorf("%v %v with %s, want %v with %s: %s", tr.State, tr.Values, steps(tr), c.value, c.want, tr.Failure())
			}
		})
	}
}

func TestFilesAreRead(t *testing.T) {
	write := func(name, text string) string {
		return "mkdir -p $BLUEFIN_TRIAL_DIR/$(dirname " + name + "); printf %s '" + text + "' > $BLUEFIN_TRIAL_DIR/" + name + "\n"
	}
	for _, c := range []struct {
		name, script, want string
		cfg                command.Config
	}{
		{"Hugging Face", "echo \"{'eval_loss': '0.123', 'epoch': '1'}\"\n" + write("checkpoint-4/trainer_state.json",
			`{"log_history": [{"loss": 2.0, "step": 2}, {"eval_loss": 0.12345678901234567, "epoch": 1.0, "step": 4}]}`),
			"4:0.12345678901234566", metric("eval_loss")},
		{"JSON lines", write("trainer_log.jsonl",
			"{\"current_steps\": 5, \"loss\": 0.5, \"epoch\": 1}\n{\"current_steps\": 10, \"loss\": 0.25, \"epoch\": 2}\n{\"lo"),
			"5:0.5 10:0.25", command.Config{}},
		{"Lightning", write("logs/version_0/metrics.csv",
			"epoch,step,train_loss,val_loss\n0,9,0.7,\n0,9,,0.6\n1,19,,0.5\n2,29,,0.4"), "9:0.6 19:0.5", metric("val_loss")},
		{"Ultralytics", write("results.csv",
			"                  epoch,         metrics/mAP50(B)\n                  1,                0.5\n                  2,                0.75\n"), "1:0.5 2:0.75", metric("metrics/mAP50(B)")},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Folder = t.TempDir()
			if tr := run(t, c.cfg, c.script); tr.State != trial.Complete || steps(tr) != c.want {
				t.Errorf("%v with %s, want %s: %s", tr.State, steps(tr), c.want, tr.Failure())
			}
		})
	}
}

func TestParametersArePassed(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		cfg  command.Config
		want string
	}{
		{"flags", nil, command.Config{}, "--layers 3 --lr 0.5 --opt adam"},
		{"equals", nil, command.Config{Style: command.Equals}, "--layers=3 --lr=0.5 --opt=adam"},
		{"hydra", nil, command.Config{Style: command.Hydra}, "layers=3 lr=0.5 opt=adam"},
		{"none", []string{"-x"}, command.Config{Style: command.None}, "-x"},
		{"placeholders", []string{"model.lr={lr}", "{trial_number}", "{unknown}", "{opt}{layers}"}, command.Config{},
			"model.lr=0.5 0 {unknown} adam3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Args, c.cfg.Folder = c.args, t.TempDir()
			run(t, c.cfg, `echo "$@"; echo loss=1`)
			if got, _ := os.ReadFile(filepath.Join(c.cfg.Folder, "0", "output.log")); string(got) != c.want+"\nloss=1\n" {
				t.Errorf("the program got %q, want %q", got, c.want)
			}
		})
	}
	folder := t.TempDir()
	tr := run(t, command.Config{Style: command.None, Folder: folder, Env: []string{"MINE=7"},
		Slots: [][]string{{"CUDA_VISIBLE_DEVICES=3"}}},
		`echo $BLUEFIN_PARAM_LR $BLUEFIN_PARAM_LAYERS $KUBEFLOW_TRAINER_OPT_OPT $BLUEFIN_TRIAL_NUMBER $MINE $CUDA_VISIBLE_DEVICES; cat "$BLUEFIN_PARAMS"; cd "$BLUEFIN_TRIAL_DIR" && echo loss=1`)
	got, _ := os.ReadFile(filepath.Join(folder, "0", "output.log"))
	if want := "0.5 3 adam 0 7 3\n{\"layers\": 3, \"lr\": 0.5, \"opt\": \"adam\"}\nloss=1\n"; string(got) != want || tr.State != trial.Complete {
		t.Errorf("the program saw %q, want %q", got, want)
	}
}

func TestFailuresSayWhatHappened(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		cfg                command.Config
	}{
		{"an exit code", "echo out of memory; exit 3", "sh ended with exit status 3; its last line: out of memory",
			command.Config{}},
		{"a signal", "kill -9 $$", "sh ended with signal: killed", command.Config{}},
		{"another metric", "echo accuracy=1", "reported no \"loss\", but accuracy", command.Config{}},
		{"no output", "true", "reported no \"loss\", and nothing that looks like a metric; it printed nothing",
			command.Config{}},
		{"NaN", "echo loss=nan", "NaN", command.Config{}},
		{"too long", "sleep 60", "ran longer than 200ms", command.Config{TrialTimeout: 200 * time.Millisecond}},
		{"stalled", "echo starting; sleep 60", "printed and wrote nothing for 200ms; its last line: starting",
			command.Config{StallTimeout: 200 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if tr := run(t, c.cfg, c.script); tr.State != trial.Failed || !strings.Contains(tr.Failure(), c.want) {
				t.Errorf("%v: %q, want %q", tr.State, tr.Failure(), c.want)
			}
		})
	}
}

// gone fails the test unless the process whose number is in the file ends.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if syscall.Kill(pid, 0) == nil && (err != nil || !strings.Contains(string(stat), ") Z ")) {
		t.Errorf("process %d survives: %s", pid, stat)
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestNothingSurvivesATrial(t *testing.T) {
	child := func(command string) string { return command + ` & echo $! > "$BLUEFIN_TRIAL_DIR/child"; ` }
	for _, c := range []struct {
		name, script string
		linux        bool
	}{
		{"a child", child("sleep 100") + "echo loss=1", false},
		{"a child that ignores SIGTERM", child("sh -c 'trap \"\" TERM; while :; do sleep 1; done'") + "echo loss=1", false},
		{"a daemon in a session of its own", child("setsid sleep 100") + "sleep 0.2; echo loss=1", true},
		{"the child of a program that fails", child("sleep 100") + "exit 1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.linux && runtime.GOOS != "linux" {
				t.Skip("only Linux tells the environment of processes")
			}
			folder := t.TempDir()
			run(t, command.Config{Folder: folder, Grace: 300 * time.Millisecond}, c.script)
			gone(t, filepath.Join(folder, "0", "child"))
		})
	}
}

func TestAPrunedProgramIsStopped(t *testing.T) {
	folder := t.TempDir()
	c, err := command.New(command.Config{Args: []string{"sh", "-c", `sleep 100 & echo $! > "$BLUEFIN_TRIAL_DIR/child"
		trap 'echo "asked to end" >> "$BLUEFIN_TRIAL_DIR/end"; exit 0' TERM
		for i in 1 2 3 4 5 6 7 8 9; do echo "step=$i loss=$i"; sleep 0.3; done; wait`}, Style: command.None, Metrics: loss, Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params, Pruner: pruner.Threshold{Upper: new(2.5)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	trials, _ := s.Trials(t.Context())
	if trials[0].State != trial.Pruned || trials[0].Values[0] != 3 {
		t.Errorf("%v with %v, want pruned with 3", trials[0].State, trials[0].Values)
	}
	gone(t, filepath.Join(folder, "0", "child"))
	if text, _ := os.ReadFile(filepath.Join(folder, "0", "end")); string(text) != "asked to end\n" {
		t.Errorf("the program was not asked to end: %q", text)
	}
}

func TestAnInterruptedTrialGoesBackToTheQueue(t *testing.T) {
	folder := t.TempDir()
	c, err := command.New(command.Config{Args: []string{"sh", "-c",
		`mkdir -p {trial_dir}/checkpoint-1; echo "from [{last_checkpoint}] $BLUEFIN_RESUME"; echo loss=1; [ -n "$BLUEFIN_RESUME" ] || sleep 100`}, Style: command.None, Metrics: loss, Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := s.Optimize(ctx, c.Run, study.Budget{Trials: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	best, err := s.Best(t.Context())
	if err != nil || best.Number != 0 {
		t.Fatal(best, err)
	}
	dir := filepath.Join(folder, "0")
	if got, _ := os.ReadFile(filepath.Join(dir,
		"output.log")); string(got) != "from [] \nloss=1\nfrom ["+dir+"/checkpoint-1] 1\nloss=1\n" {
		t.Errorf("got %q", got)
	}
}

func TestNewRefuses(t *testing.T) {
	good := func(change func(*command.Config)) command.Config {
		cfg := command.Config{Args: []string{"sh"}, Metrics: loss}
		change(&cfg)
		return cfg
	}
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]command.Config{
		"the command is empty":                       good(func(c *command.Config) { c.Args = nil }),
		"there is no metric":                         good(func(c *command.Config) { c.Metrics = nil }),
		"the name of a metric is empty":              good(func(c *command.Config) { c.Record = []string{""} }),
		`metric "loss" is there twice`:               good(func(c *command.Config) { c.Record = []string{"loss"} }),
		`resume is hf, which needs a folder`:         good(func(c *command.Config) { c.Resume = command.HF }),
		`failure rule 1: signal is "BOOM"`:           good(func(c *command.Config) { c.Failures = []command.Failure{{Signal: "BOOM"}} }),
		`failure rule 1: retries are 2`:              good(func(c *command.Config) { c.Failures = []command.Failure{{Retries: 2}} }),
		`program "no-such-program": executable file`: good(func(c *command.Config) { c.Args[0] = "no-such-program" }),
		"permission denied":                          good(func(c *command.Config) { c.Args[0] = file }),
		"grace is -1ns, want at least 0":             good(func(c *command.Config) { c.Grace = -1 }),
		"stall timeout is -1ns":                      good(func(c *command.Config) { c.StallTimeout = -1 }),
		`working folder "no/such" is not a folder`:   good(func(c *command.Config) { c.Dir = "no/such" }),
		"there is no {config} in the command": good(func(c *command.Config) {
			c.Render, c.Folder = "c.yaml",
				t.TempDir()
		}),
		"there is no folder for trials": good(func(c *command.Config) {
			c.Render, c.Args = "c.yaml",
				[]string{"sh", "{config}"}
		}),
		`configuration "c.txt": want a file named`: good(func(c *command.Config) {
			c.Render, c.Args, c.Folder = "c.txt", []string{"sh", "{config}"}, t.TempDir()
		}),
		"folder for trials":                      good(func(c *command.Config) { c.Folder = filepath.Join(file, "x") }),
		`step)" has no group`:                    good(func(c *command.Config) { c.Pattern = regexp.MustCompile("loss (?P<step>step)") }),
		"has no group":                           good(func(c *command.Config) { c.Pattern = regexp.MustCompile("loss") }),
		`reader is "xml", want one of reports, `: good(func(c *command.Config) { c.Reader = "xml" }),
		"there are no slots":                     good(func(c *command.Config) { c.Slots = [][]string{} }),
	} {
		if _, err := command.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAFloodOfOutputIsReadToItsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("prints 200 MB")
	}
	folder := t.TempDir()
	tr := run(t, command.Config{Folder: folder}, `yes "$(printf '%0999d' 7)" | head -c 200000000; echo; echo loss=1`)
	info, err := os.Stat(filepath.Join(folder, "0", "output.log"))
	if tr.State != trial.Complete || err != nil || info.Size() > 65<<20 {
		t.Errorf("%v, log of %d bytes, want complete and at most 65 MiB: %v", tr.State, info.Size(), err)
	}
}

// A program that prints its metric for each batch must not wait for the study.
func TestManyPointsAreThinnedOut(t *testing.T) {
	tr := run(t, command.Config{}, `seq 0 99999 | sed 's/.*/step=& loss=&/'`)
	if tr.State != trial.Complete || tr.Values[0] != 99999 || len(tr.Reports) < 1000 || len(tr.Reports) > 6000 {
		t.Fatalf("%v %v with %d reports, want 99999 with about 4,500", tr.State, tr.Values, len(tr.Reports))
	}
	for i, r := range tr.Reports[:1000] {
		if r.Step != i {
			t.Fatalf("report %d is of step %d, want the first 1,000 as they are", i, r.Step)
		}
	}
}

// Trainers print rounded numbers long before they write exact ones.
func TestTheValueHasTheDigitsOfAFile(t *testing.T) {
	for state, want := range map[string]float64{"0.12345678901234567": 0.12345678901234567, "7.5": 0.1235} {
		tr := run(t, command.Config{Folder: t.TempDir(), Metrics: []command.Metric{{Name: "eval_loss"}}},
			`echo "{'eval_loss': '0.5', 'epoch': '1'}"; sleep 0.2
			echo "{'eval_loss': '0.1235', 'epoch': '2'}"; sleep 1
			echo '{"log_history": [{"eval_loss": `+state+`, "epoch": 2.0, "step": 4}]}' > "$BLUEFIN_TRIAL_DIR/trainer_state.json"`)
		if tr.State != trial.Complete || tr.Values[0] != want || steps(tr) != "1:0.5 2:0.1235" {
			t.Errorf("%v %v with %s, want %v", tr.State, tr.Values, steps(tr), want)
		}
	}
}

func TestHurryEndsTheGracePeriod(t *testing.T) {
	c, err := command.New(command.Config{Args: []string{"sh", "-c", `trap "" TERM; echo loss=1; sleep 100; sleep 100`},
		Metrics: loss})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Space: params})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	time.AfterFunc(600*time.Millisecond, c.Hurry)
	began := time.Now()
	if err := s.Optimize(ctx, c.Run, study.Budget{Trials: 1}); !errors.Is(err,
		context.DeadlineExceeded) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v, want an end at once", err, time.Since(began))
	}
}

// What a killed search has left is ended by the next one, and only that.
func TestLeftProgramsAreEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the environment of processes")
	}
	folder := t.TempDir()
	start := func(dir, owner string) *exec.Cmd {
		cmd := exec.Command("sleep", "100")
		cmd.Env = []string{"BLUEFIN_TRIAL_DIR=" + dir, "BLUEFIN_RUN=" + owner + " x"}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	gone := process.Machine() + " 1@7" // process 1 did not start then
	left := start(folder+"/3", gone)
	kept := []*exec.Cmd{start(folder+"x/3", gone), start(folder+"/4", `"host" boot pid:[1] 1@7`), start(folder+"/4", "")}
	time.Sleep(100 * time.Millisecond) // the environment is there once the program is
	if _, err := command.New(command.Config{Args: []string{"sh"}, Metrics: loss, Folder: folder}); err != nil {
		t.Fatal(err)
	}
	if err := left.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("got %v, want killed", err)
	}
	for _, cmd := range kept {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("%v was ended: %v", cmd.Env, err)
		}
		cmd.Wait()
	}
}

func TestAProgramThatCannotStartIsNoFailureOfATrial(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/no/such/shell\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "0"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []command.Config{{Args: []string{script}}, {Args: []string{"true"}, Folder: folder}} {
		cfg.Metrics = loss
		c, err := command.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s, err := study.Open(t.Context(), study.Config{Space: params})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1})
		if !errors.As(err, new(*study.AbortError)) || !strings.Contains(err.Error(), "the program cannot start: ") {
			t.Errorf("%q in %q: got %v, want an AbortError", cfg.Args, folder, err)
		}
	}
}

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

// A line of output that is long and lacks the metric is data and no log: looking for other names in a
// thousand of them would take minutes.
func TestLongLinesAreNotSearchedForOtherNames(t *testing.T) {
	tr := run(t, command.Config{}, `printf 'other=1 %05000d\n' 7`)
	if got := tr.Failure(); !strings.Contains(got, `reported no "loss", and nothing that looks like a metric`) {
		t.Errorf("got %.200s", got)
	}
	tr = run(t, command.Config{}, `printf 'loss=1 %05000d\n' 7`)
	if tr.State != trial.Complete {
		t.Errorf("got %v: %.200s", tr.State, tr.Failure())
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
