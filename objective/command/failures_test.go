//go:build unix

package command_test

import (
	"context"
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
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// search runs trials of a shell script and returns them and the error of the search.
func search(t *testing.T, cfg command.Config, sp space.Space, script string, b study.Budget) ([]*trial.Trial, error) {
	t.Helper()
	cfg.Args, cfg.Style = []string{"sh", "-c", script}, command.None
	if cfg.Metrics == nil {
		cfg.Metrics = loss
	}
	c, err := command.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	directions := make([]trial.Direction, len(cfg.Metrics))
	s, err := study.Open(t.Context(), study.Config{Space: sp, Directions: directions, Sampler: &sampler.TPE{}})
	if err != nil {
		t.Fatal(err)
	}
	searchErr := s.OptimizeMulti(t.Context(), c.RunMulti, b)
	trials, err := s.Trials(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return trials, searchErr
}

func TestRulesDecideAboutFailures(t *testing.T) {
	retry := func(n int) command.Failure { return command.Failure{Do: command.Retry, Retries: n} }
	oom := "the parameters are infeasible: sh ended with exit status 1; it printed: "
	for _, c := range []struct {
		name, script string
		rules        []command.Failure
		state        trial.State
		reason       string // its beginning
		runs         int
	}{
		{"no rule", "exit 3", nil, trial.Failed, "sh ended with exit status 3", 1},
		{"retry is once by default", "exit 3", []command.Failure{{Do: command.Retry}}, trial.Failed,
			"sh ended with exit status 3", 2},
		{"retries end", "exit 3", []command.Failure{retry(3)}, trial.Failed, "sh ended with exit status 3", 4},
		{"a retry that succeeds", "[ $n = 3 ] || exit 3; echo loss=1", []command.Failure{retry(5)}, trial.Complete, "", 3},
		{"after the retries comes the next rule", "exit 3", []command.Failure{retry(1), {Exit: []int{3},
			Do: command.Infeasible}},
			trial.Pruned, "the parameters are infeasible: sh ended with exit status 3", 2},
		{"the first rule wins", "exit 3", []command.Failure{{Exit: []int{2, 3}, Do: command.Fail}, retry(1)}, trial.Failed,
			"sh ended", 1},
		{"another exit code", "exit 4", []command.Failure{{Exit: []int{2, 3}, Do: command.Retry}}, trial.Failed, "sh ended",
			1},
		{"a signal", "kill -KILL $$", []command.Failure{{Signal: "KILL", Do: command.Retry}}, trial.Failed,
			"sh ended with signal: killed", 2},
		{"a signal of a child", "sh -c 'kill -SEGV $$'", []command.Failure{{Signal: "SIGSEGV", Do: command.Retry}},
			trial.Failed, "sh ended with", 2},
		{"a signal by its number", "kill -KILL $$", []command.Failure{{Exit: []int{137}, Do: command.Infeasible}},
			trial.Pruned, "the parameters are", 1},
		{"another signal", "kill -TERM $$", []command.Failure{{Signal: "KILL", Do: command.Retry}}, trial.Failed,
			"sh ended with", 1},
		{"both conditions", "echo boom; exit 3", []command.Failure{{Exit: []int{4}, Match: regexp.MustCompile("boom"),
			Do: command.Retry}}, trial.Failed, "sh ended", 1},
		{"text", "echo Boom 7; echo more; exit 3", []command.Failure{{Match: regexp.MustCompile("(?i)boom"),
			Do: command.Infeasible}},
			trial.Pruned, "the parameters are infeasible: sh ended with exit status 3; it printed: Boom 7\n\nBoom 7\nmore", 1},
		{"text far from the end", "echo boom; yes '" + strings.Repeat("x", 99) + "' | head -n 1000; exit 3",
			[]command.Failure{{Match: regexp.MustCompile("boom"), Do: command.Infeasible}},
			trial.Pruned, "the parameters are infeasible: sh ended with exit status 3; it printed: boom", 1},
		{"no metric", "echo other=1", []command.Failure{{Exit: []int{0}, Do: command.Retry}}, trial.Failed,
			"the program reported no \"loss\", but other", 2},
		{"any failure includes no metric", "echo other=1", []command.Failure{{Do: command.Retry}}, trial.Failed,
			"the program reported no \"loss\"", 2},
		{"NaN", "echo loss=nan", []command.Failure{{Match: regexp.MustCompile("loss=nan"), Do: command.Infeasible}},
			trial.Pruned, "the parameters are infeasible: the value of \"loss\" is NaN, want a number; it printed: loss=nan", 1},
		{"success is not matched", "echo boom loss=1", []command.Failure{{Match: regexp.MustCompile("boom"),
			Do: command.Retry}}, trial.Complete, "", 1},
		{"PyTorch", "echo 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB'; exit 1", nil,
			trial.Pruned, oom + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", 1},
		{"Python", "echo 'MemoryError'; exit 1", nil, trial.Pruned, oom + "MemoryError", 1},
		{"NumPy", "echo 'numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 TiB'; exit 1", nil, trial.Pruned,
			oom + "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 TiB", 1},
		{"JAX", "echo 'jaxlib: RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes'; exit 1", nil, trial.Pruned,
			oom + "jaxlib: RESOURCE_EXHAUSTED: Out of memory", 1},
		{"a default can be replaced", "echo 'CUDA out of memory'; exit 1",
			[]command.Failure{{Match: regexp.MustCompile("memory")}}, trial.Failed, "sh ended", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			all, err := search(t, command.Config{Folder: folder, Failures: c.rules}, params,
				`cd "$BLUEFIN_TRIAL_DIR"; echo x >> runs; n=$(wc -l < runs); n=$((n)); `+c.script, study.Budget{Trials: 1})
			if err != nil && !errors.As(err, new(*study.TrialError)) {
				t.Fatal(err)
			}
			tr := all[0]
			runs, _ := os.ReadFile(filepath.Join(folder, "0", "runs"))
			if len(all) != 1 || tr.State != c.state || !strings.HasPrefix(tr.Failure(), c.reason) || len(runs) != 2*c.runs {
				t.Errorf("%v after %d runs: %q, want %v after %d: %q", tr.State, len(runs)/2, tr.Failure(), c.state, c.runs,
					c.reason)
			}
			if (tr.Violation() > 0) != (c.state == trial.Pruned) {
				t.Errorf("constraints are %v", tr.Constraints)
			}
		})
	}
}

func TestStopEndsTheStudyWithTheOutput(t *testing.T) {
	for script, cfg := range map[string]command.Config{
		"echo writing; echo 'OSError: [Errno 28] No space left on device'; exit 1": {},
		"echo writing; echo disk; exit 7":                                          {Failures: []command.Failure{{Exit: []int{7}, Do: command.Stop}}},
	} {
		all, err := search(t, cfg, params, script, study.Budget{Trials: 9})
		if len(all) != 1 || all[0].State != trial.Waiting {
			t.Errorf("%q: got %d trials, the first %v, want one that waits", script, len(all), all[0].State)
		}
		if err == nil || !strings.HasPrefix(err.Error(),
			"trial 0: sh ended with exit status ") || !strings.Contains(err.Error(), "\n\nwriting\n") {
			t.Errorf("%q: got %v", script, err)
		}
		if got := string(all[0].UserAttrs["exit_code"]); got != "1" && got != "7" {
			t.Errorf("%q: exit code %q", script, got)
		}
	}
}

// A retry has the folder, the number and the checkpoint of the failed run, and repeats no report.
func TestARetryResumes(t *testing.T) {
	folder := t.TempDir()
	cfg := command.Config{Folder: folder, Failures: []command.Failure{{Do: command.Retry}}}
	all, err := search(t, cfg, params, `cd "$BLUEFIN_TRIAL_DIR"
		if [ -z "$BLUEFIN_RESUME" ]; then
			echo step=1 loss=4; echo step=2 loss=3; mkdir checkpoint-2; sleep 0.2; exit 1
		fi
		echo "from $BLUEFIN_LAST_CHECKPOINT"
		echo step=2 loss=99; echo step=3 loss=2`, study.Budget{Trials: 1})
	if err != nil {
		t.Fatal(err)
	}
	if tr := all[0]; tr.State != trial.Complete || tr.Values[0] != 2 || steps(tr) != "1:4 2:3 3:2" || string(tr.UserAttrs["retries"]) != "1" {
		t.Errorf("%v %v with %s, retries %s", tr.State, tr.Values, steps(tr), tr.UserAttrs["retries"])
	}
	out, _ := os.ReadFile(filepath.Join(folder, "0", "output.log"))
	if !strings.Contains(string(out), "from "+folder+"/0/checkpoint-2\n") {
		t.Errorf("the output is %q", out)
	}
}

// A restarted trial keeps the reports up to its checkpoint, though its program does not repeat them.
func TestARestartKeepsTheReportsUpToItsCheckpoint(t *testing.T) {
	script := `cd "$BLUEFIN_TRIAL_DIR"
		case $BLUEFIN_LAST_CHECKPOINT in
		*-1) echo step=2 loss=3; mkdir checkpoint-2; echo > checkpoint-2/model; sleep 100;;
		*-2) echo step=3 loss=2;;
		*) echo step=0 loss=5; echo step=1 loss=4; sleep 0.1; mkdir checkpoint-1; echo > checkpoint-1/model; sleep 100;;
		esac`
	c, err := command.New(command.Config{Args: []string{"sh", "-c", script}, Style: command.None, Metrics: loss,
		Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var memory storage.Memory
	s, err := study.Open(t.Context(), study.Config{Name: "s", Storage: &memory, Space: params})
	if err != nil {
		t.Fatal(err)
	}
	record, err := memory.Load(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				k, err := memory.Checkpoint(ctx, record.ID, 0)
				if err == nil && strings.Contains(string(k.Data), fmt.Sprintf("checkpoint-%d ", n+1)) {
					cancel()
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
		if err := s.Optimize(ctx, c.Run, study.Budget{Trials: 1}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := s.Optimize(t.Context(), c.Run, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Trials(t.Context()); err != nil || steps(all[0]) != "0:5 1:4 2:3 3:2" {
		t.Errorf("got reports %s, %v, want 0:5 1:4 2:3 3:2", steps(all[0]), err)
	}
}

// The best value of a trial may be from a run before its last checkpoint.
func TestTheBestValueIsThatOfAllRuns(t *testing.T) {
	cfg := command.Config{Folder: t.TempDir(), Best: true, Failures: []command.Failure{{Do: command.Retry}}}
	all, err := search(t, cfg, params, `cd "$BLUEFIN_TRIAL_DIR"
		if [ ! -d checkpoint-2 ]; then echo step=1 loss=1.99; echo step=2 loss=3; mkdir checkpoint-2; sleep 0.2; exit 1; fi
		echo step=3 loss=2`, study.Budget{Trials: 1})
	if err != nil || all[0].Values[0] != 1.99 {
		t.Errorf("got %v, %v, want 1.99", all[0].Values, err)
	}
}

func TestSeveralMetrics(t *testing.T) {
	cfg := command.Config{
		Metrics: []command.Metric{{Name: "loss"}, {Name: "acc", Maximize: true}}, Record: []string{"time", "x y", "none"},
	}
	script := `echo loss=3 acc=0.5; echo '{"acc": 0.75, "time": 7}'; echo "loss=2.5, x y: 3"`
	all, err := search(t, cfg, params, script, study.Budget{Trials: 1})
	if err != nil {
		t.Fatal(err)
	}
	tr := all[0]
	if fmt.Sprint(tr.Values) != "[2.5 0.5]" || len(tr.Reports) > 0 {
		t.Errorf("%v with reports %v", tr.Values, tr.Reports)
	}
	if string(tr.UserAttrs["time"]) != "7.0" || string(tr.UserAttrs["x y"]) != "3.0" || tr.UserAttrs["none"] != nil {
		t.Errorf("recorded %s", tr.UserAttrs)
	}
	cfg.Best = true
	if all, err = search(t, cfg, params, script+"; echo loss=9 acc=0.1", study.Budget{Trials: 1}); err != nil ||
		all[0].Values[0] != 2.5 || all[0].Values[1] < 0.5 {
		t.Errorf("the best values are %v, %v", all[0].Values, err)
	}
	all, err = search(t, cfg, params, "echo loss=3", study.Budget{Trials: 1})
	if err == nil || !strings.Contains(all[0].Failure(), `the program reported no "acc", but loss`) {
		t.Errorf("got %v, %q", err, all[0].Failure())
	}
	c, err := command.New(command.Config{Args: []string{"sh"}, Metrics: cfg.Metrics})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Run(study.Fixed(nil)); err == nil || !strings.Contains(err.Error(),
		"there are 2 metrics, want 1 for Run") {
		t.Errorf("got %v", err)
	}
}

// A record is saved of trials that are pruned or fail, too.
func TestMetricsOfFailedTrialsAreRecorded(t *testing.T) {
	all, _ := search(t, command.Config{Record: []string{"time"}}, params, "echo time=7; exit 1", study.Budget{Trials: 1})
	if string(all[0].UserAttrs["time"]) != "7.0" {
		t.Errorf("recorded %s", all[0].UserAttrs)
	}
}

// The script runs out of memory where batch and width are large, and is best near that edge.
func TestOutOfMemoryIsAvoided(t *testing.T) {
	sp := space.Must(space.New(
		space.Dimension{Name: "batch", Dist: space.Int{Low: 1, High: 100}},
		space.Dimension{Name: "width", Dist: space.Float{Low: 0, High: 100}},
	))
	n := 60
	all, err := search(t, command.Config{}, sp, `awk -v b=$BLUEFIN_PARAM_BATCH -v w=$BLUEFIN_PARAM_WIDTH 'BEGIN {
		if (b + w > 80) { print "RuntimeError: CUDA out of memory. Tried to allocate 9 GiB"; exit 1 }
		print "loss=" 80 - b - w }'`, study.Budget{Trials: n}) // one worker: the same trials each time
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	for _, tr := range all[n/2:] {
		if tr.Violation() > 0 {
			late++
		}
	}
	if late > n/4 { // random search: 68 %
		t.Errorf("%d of the last %d trials ran out of memory, want at most %d", late, n/2, n/4)
	}
}

func TestParametersWithOneVariable(t *testing.T) {
	sp := space.Must(space.New(space.Dimension{Name: "a.b", Dist: space.Int{Low: 1, High: 9}}, space.Dimension{Name: "a_b",
		Dist: space.Int{Low: 1, High: 9}}))
	_, err := search(t, command.Config{}, sp, "echo loss=1", study.Budget{Trials: 1})
	if err == nil || !strings.Contains(err.Error(),
		`parameters "a.b" and "a_b": both are BLUEFIN_PARAM_A_B in the environment`) {
		t.Errorf("got %v", err)
	}
}

func TestTheProgramGetsItsConfiguration(t *testing.T) {
	folder := t.TempDir()
	template := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(template, []byte("# all\nlr: 1 # rate\nopt: sgd\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	cfg := command.Config{Args: []string{"{config}"}, Folder: filepath.Join(folder, "trials"), Render: template}
	if tr := run(t, cfg, `cat "$1"; echo "$2"; echo loss: 1`); tr.State != trial.Complete {
		t.Fatal(tr.Failure())
	}
	got, _ := os.ReadFile(filepath.Join(folder, "trials", "0", "output.log"))
	if want := "# all\nlr: 0.5 # rate\nopt: adam\nlayers: 3\n\nloss: 1\n"; string(got) != want {
		t.Errorf("the program got %q, want %q", got, want)
	}
}

func TestParamsChooseWhatIsPassed(t *testing.T) {
	folder := t.TempDir()
	cfg := command.Config{Folder: folder, Params: func(t *study.Trial) map[string]any {
		return map[string]any{"lr": t.Float("lr", 0.5, 0.5), "momentum": nil}
	}}
	if tr := run(t, cfg, `echo "$@"; echo "[$BLUEFIN_PARAM_MOMENTUM]"; echo loss=1`); tr.State != trial.Complete {
		t.Fatal(tr.Failure())
	}
	if got, _ := os.ReadFile(filepath.Join(folder, "0", "output.log")); string(got) != "--lr 0.5\n[]\nloss=1\n" {
		t.Errorf("the program got %q", got)
	}
}
