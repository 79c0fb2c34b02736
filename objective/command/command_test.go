//go:build unix

package command_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
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
