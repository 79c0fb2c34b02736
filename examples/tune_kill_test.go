//go:build linux

package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// How often a search is killed. `make faults` gives the long form.
var (
	tuneKills = flag.Int("tune.kills", 1, "how often the search for each script's parameters is killed")
	tuneSeed  = flag.Uint64("tune.seed", 0, "of the moments of the kills; 0: the time")
)

// Scripts that know nothing of Bluefin are tuned by the commands that they show, on two slots, with
// successive halving. Each search is killed again and again while programs start, while they train
// and as trials end. It still ends with exactly its trials, what had finished stays as it was, no
// process is left, and every report is in the script's own files, to the last digit.
func TestTunedScriptsSurviveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains for a minute")
	}
	python := torchPython(t)
	want := 2 + *tuneKills
	trials := strconv.Itoa(want)
	for _, script := range []struct {
		name, metric string
		replaced     []string // of the command that is shown, in pairs
	}{
		{"tune-huggingface", "eval_loss", []string{"--trials 20 --workers 2", "--trials " + trials + " --gpus 0,1",
			"--num_train_epochs 8", "--num_train_epochs 4 --per_device_train_batch_size 32"}},
		{"tune-lightning", "val_loss", []string{"--trials 30", "--trials " + trials}},
		{"tune-wandb", "val_loss", []string{"--workers 2", "--workers 2 --trials " + trials}},
	} {
		t.Run(script.name, func(t *testing.T) {
			shown := strings.NewReplacer(script.replaced...).Replace(shownCommand(t, script.name+"/train.py"))
			s := newSearch(t, script.name, python, words(shown)[1:]...)
			for kill := 0; kill < *tuneKills; kill++ {
				if s.killed([]string{"start", "training", "end"}[(kill+s.random.IntN(2))%3]) {
					break
				}
			}
			s.finish(want, script.metric)
		})
	}
}

// torchrun starts ranks, and these start processes that load data. None is left of a pruned trial.
func TestTorchrunIsPrunedAndLeavesNoProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts twelve Pythons")
	}
	s := newSearch(t, "testdata", torchPython(t), "tune", "--metric", "loss", "--trials", "2", "--sampler", "bruteforce",
		"--pruner", "threshold:4", "lr=0.0,0.2", "--", "torchrun", "--standalone", "--nproc_per_node", "2", "ddp.py")
	most := []string{}
	out, done := s.run(func([]*trial.Trial) bool {
		if now := s.processes(); len(now) > len(most) {
			most = now
		}
		return false
	}, 0)
	if left := s.processes(); !done || len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	if len(most) < 5 {
		t.Errorf("a trial had the processes %q, want torchrun, two ranks and their loaders", most)
	}
	var states []trial.State
	for _, tr := range s.trials() {
		states = append(states, tr.State)
		if tr.State == trial.Pruned && len(tr.Reports) == 0 || tr.State == trial.Complete && len(tr.Reports) != 10 {
			t.Errorf("trial %d, %v, has %d reports", tr.Number, tr.State, len(tr.Reports))
		}
	}
	if slices.Sort(states); !slices.Equal(states, []trial.State{trial.Complete, trial.Pruned}) {
		t.Errorf("the trials are %v, want one complete and one pruned\n%s", states, out)
	}
}

// A search is a study of a script's parameters that is stopped and resumed.
type search struct {
	t      *testing.T
	python string
	dir    string // of the script and the study
	args   []string
	random *rand.Rand
	groups map[int]bool         // process groups of trials, as far as they were seen
	before map[int]*trial.Trial // the finished trials
}

// newSearch is a search by bluefin with args, in a copy of a folder.
func newSearch(t *testing.T, folder, python string, args ...string) *search {
	t.Helper()
	seed := *tuneSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-tune.seed %d", seed)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return &search{
		t: t, python: python, dir: dir, args: args, random: rand.New(rand.NewPCG(seed, 0)),
		groups: map[int]bool{}, before: map[int]*trial.Trial{},
	}
}

// shownCommand is the command line of bluefin at the top of a script.
func shownCommand(t *testing.T, script string) string {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(text), "\n    bluefin ")
	shown, _, ended := strings.Cut(shown, "\n\n")
	shown, _, quoted := strings.Cut(shown, "\n\"\"\"")
	if !found || !ended && !quoted {
		t.Fatalf("%s shows no command", script)
	}
	return "bluefin " + strings.Join(strings.Fields(strings.ReplaceAll(shown, `\\`, "")), " ")
}

// run runs the search and returns what it printed: to its end, or until stop, which is asked ten times
// a second. Then a moment later it is killed.
func (s *search) run(stop func([]*trial.Trial) bool, within time.Duration) (out string, done bool) {
	var printed bytes.Buffer
	cmd := command(s.t, s.dir, "bluefin", s.args...)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(s.python)+":"+os.Getenv("PATH"), "OMP_NUM_THREADS=1")
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				s.t.Fatalf("the search: %v\n%s", err, &printed)
			}
			return printed.String(), true
		case <-time.After(100 * time.Millisecond):
		}
		s.processes()
		if !stop(s.trials()) {
			continue
		}
		time.Sleep(time.Duration(s.random.Int64N(int64(within))))
		if err := cmd.Process.Kill(); err != nil {
			s.t.Fatal(err)
		}
		<-ended
		return printed.String(), false
	}
}

// killed runs the search until some time after an event, kills it, and looks at what is left. It
// reports whether the search was done before.
func (s *search) killed(event string) (done bool) {
	within := 2 * time.Second
	if event == "end" {
		within /= 10
	}
	count := func(trials []*trial.Trial) (finished, reports int) {
		for _, tr := range trials {
			reports += len(tr.Reports)
			if tr.State.Finished() {
				finished++
			}
		}
		return finished, reports
	}
	finished, reports := count(s.trials())
	_, done = s.run(func(trials []*trial.Trial) bool {
		f, r := count(trials)
		return event == "start" || f > finished || event == "training" && r > reports
	}, within)
	if done {
		return true
	}
	var states []string
	for _, tr := range s.trials() {
		if old := s.before[tr.Number]; old != nil && !reflect.DeepEqual(old, tr) {
			s.t.Errorf("trial %d changed: from %+v to %+v", tr.Number, old, tr)
		}
		if tr.State.Finished() {
			s.before[tr.Number] = tr
		}
		states = append(states, fmt.Sprintf("%v/%d", tr.State, len(tr.Reports)))
	}
	s.t.Logf("killed after %s; states and reports: %s", event, strings.Join(states, " "))
	training := func() []string {
		return slices.DeleteFunc(s.processes(), func(line string) bool { return !strings.Contains(line, "train.py") })
	}
	for wait := time.Now(); len(training()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Since(wait) > 5*time.Second {
			s.t.Fatalf("they train on without bluefin: %q", training())
		}
	}
	return false
}

// finish runs the search to its end and compares it with the files of the script.
func (s *search) finish(want int, metric string) {
	began := time.Now()
	out, _ := s.run(func([]*trial.Trial) bool { return false }, 0)
	if left := s.processes(); len(left) > 0 {
		s.t.Errorf("processes are left: %q", left)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "bluefin-trials", "*"))
	if err != nil || len(files) != 1 {
		s.t.Fatalf("folders of trials: %q, %v; want one\n%s", files, err, out)
	}
	text, err := exec.Command(s.python, "testdata/metrics.py", files[0], metric).Output()
	if err != nil {
		s.t.Fatalf("metrics.py: %v", err)
	}
	var logged map[string][][][2]float64
	if err := json.Unmarshal(text, &logged); err != nil {
		s.t.Fatal(err)
	}
	trials, states, reports := s.trials(), map[trial.State]int{}, 0
	if len(trials) != want {
		s.t.Errorf("%d trials, want %d", len(trials), want)
	}
	for i, tr := range trials {
		states[tr.State]++
		reports += len(tr.Reports)
		if old := s.before[i]; tr.Number != i || !tr.State.Finished() || old != nil && !reflect.DeepEqual(old, tr) {
			s.t.Errorf("trial %d is %+v, want it finished and as before: %+v", i, tr, old)
			continue
		}
		s.compare(tr, logged[strconv.Itoa(i)])
	}
	const enough = 8 // of fewer trials each may be better than those before it
	if states[trial.Failed] > 0 || states[trial.Complete] == 0 || states[trial.Pruned] == 0 && want >= enough {
		s.t.Errorf("the trials are %v, want some complete, some pruned and none failed\n%s", states, out)
	}
	s.t.Logf("%v; %d reports; last run %v; %d process groups", states, reports, time.Since(began).Round(time.Second), len(s.groups))
}

// compare fails the test unless the reports of a trial are in the logs of its script, all of them if it is
// complete, and its value is the last one there. A restarted trial has several logs, and one that is
// pruned may log more as it ends.
func (s *search) compare(tr *trial.Trial, logs [][][2]float64) {
	logged, steps, last := map[[2]float64]bool{}, map[float64]bool{}, math.NaN()
	for _, point := range slices.Concat(logs...) {
		logged[point], steps[point[0]], last = true, true, point[1]
	}
	unknown := slices.ContainsFunc(tr.Reports, func(r trial.Report) bool {
		return !logged[[2]float64{float64(r.Step), r.Value}]
	})
	complete := tr.State == trial.Complete
	if unknown || len(tr.Reports) == 0 || complete && (len(tr.Reports) != len(steps) || tr.Values[0] != last) {
		s.t.Errorf("trial %d, %v, has the reports %v and values %v, and the script logged %v",
			tr.Number, tr.State, tr.Reports, tr.Values, logs)
	}
}

// trials reads the study, nil if there is none yet.
func (s *search) trials() []*trial.Trial {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(s.dir, "bluefin.db"), sqlite.Options{ReadOnly: true, MustExist: true})
	if err != nil {
		return nil // not made yet
	}
	defer db.Close()
	studies, err := db.Studies(ctx)
	if err != nil || len(studies) == 0 {
		return nil
	}
	st, err := study.Load(ctx, study.Config{Name: studies[0].Name, Storage: db})
	if err != nil {
		s.t.Fatal(err)
	}
	trials, err := st.Trials(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return trials
}

// processes returns the command lines of live processes of the search's trials: those with its folder
// in their environment, and those in a process group of such a one.
func (s *search) processes() (lines []string) {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, proc := range all {
		stat, err := os.ReadFile(proc + "/stat")
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state, parent, group …
		group, err := strconv.Atoi(fields[2])
		if err != nil || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		env, _ := os.ReadFile(proc + "/environ") // those of others cannot be read
		ours := bytes.Contains(env, []byte("BLUEFIN_TRIAL_DIR="+s.dir+"/"))
		if ours {
			s.groups[group] = true
		}
		if ours || s.groups[group] {
			line, _ := os.ReadFile(proc + "/cmdline")
			lines = append(lines, filepath.Base(proc)+": "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return lines
}
