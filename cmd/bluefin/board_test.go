package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hinshun/vt10x"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// noon is the time in tests of what is shown.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// exampleTrials are a search in the middle: complete, pruned, failed and running trials.
func exampleTrials() []*trial.Trial {
	params := func(lr float64, opt float64, dropout float64) []trial.Param {
		return []trial.Param{
			{Name: "learning_rate", Value: lr, Dist: space.Float{Low: 1e-6, High: 1, Log: true}},
			{Name: "optimizer", Value: opt, Dist: space.Categorical{Choices: []any{"adamw", "sgd"}}},
			{Name: "dropout", Value: dropout, Dist: space.Float{Low: 0, High: 0.5}},
			{Name: "größe", Value: 3, Dist: space.Int{Low: 1, High: 4}},
			{Name: "fixed", Value: 1, Dist: space.Int{Low: 1, High: 1}},
		}
	}
	ended := func(number int, state trial.State, p []trial.Param, values ...float64) *trial.Trial {
		t := &trial.Trial{Number: number, State: state, Params: p, Values: values, Start: noon.Add(-10 * time.Minute),
			End: noon.Add(-8 * time.Minute)}
		for i := range values {
			t.Reports = append(t.Reports, trial.Report{Step: 3, Value: values[i]})
		}
		return t
	}
	failed := ended(2, trial.Failed, params(0.5, 1, 0.4))
	failed.SystemAttrs = map[string]json.RawMessage{"bluefin:failure": []byte(`"python ended with exit status 1; its last line: ` +
		`RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity)"`)}
	again := ended(4, trial.Failed, params(0.6, 1, 0.4))
	again.SystemAttrs = failed.SystemAttrs
	return []*trial.Trial{
		ended(0, trial.Complete, params(1e-3, 0, 0.1), 0.52), ended(1, trial.Pruned, params(0.04, 1, 0.25), 1.9), failed,
		ended(3, trial.Complete, params(2e-4, 0, 0), 0.0000123), again,
		{Number: 5, Params: params(3e-4, 0, 0.05), Start: noon.Add(-72 * time.Second),
			Reports: []trial.Report{{Step: 12000, Value: 0.25}}},
		{Number: 6, Params: params(5e-4, 1, 0.15), Start: noon.Add(-2 * time.Second)},
	}
}

// shownAs returns what a terminal shows of the trials: a row for each that has ended, and the board.
func shownAs(trials []*trial.Trial, o outline.Outline, d []trial.Direction, width, height int) string {
	b := board{Outline: o, began: noon.Add(-10 * time.Minute)}
	log := trial.NewLog(d)
	var lines []string
	for _, t := range trials {
		log.Put(t)
		if t.State.Finished() {
			lines = append(lines, b.ended(t, " ", width, true)...)
		}
	}
	lines = append(lines, b.block(log.History(), noon, width-1, height)...)
	return strings.Join(lines, "\n") + "\n"
}

func TestFrames(t *testing.T) {
	one, two := []trial.Direction{trial.Minimize}, []trial.Direction{trial.Minimize, trial.Maximize}
	loss := outline.Outline{Trials: 50, Workers: 2, Metrics: []string{"eval_loss"}, Step: "step"}
	both := outline.Outline{Trials: 50, Workers: 2, Metrics: []string{"eval_loss", "examples_per_second"}, Step: "step"}
	pair := exampleTrials()
	pair[0].Values, pair[3].Values = []float64{0.52, 812}, []float64{0.61, 1204.5}
	for name, c := range map[string]struct {
		got, want string
	}{
		"80 columns": {shownAs(exampleTrials(), loss, one, 80, 24), `
                                                      lr       optimizer …
  trial   0/50  complete  eval_loss 0.5200     2m00s  0.001    adamw
  trial   1/50  pruned    eval_loss 1.9000    step 3  0.04     sgd
  trial   2/50  fail      eval_loss -          2m00s  0.5      sgd
    (python ended with exit status 1; its last line: RuntimeError: CUDA out of
    memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity))
  trial   3/50  complete  eval_loss 1.23e-05   2m00s  0.0002   adamw
  trial   4/50  fail      eval_loss -          2m00s  (as trial 2)
> trial   5/50  12000     eval_loss 0.2500     1m12s  0.0003   adamw
> trial   6/50  started   eval_loss -            2 s  0.0005   sgd
5 of 50 trials · 2 complete · 1 pruned · 2 failed
best eval_loss 1.23e-05 (trial 3) · 10m00s · about 44 min left
`},
		"200 columns": {shownAs(exampleTrials(), loss, one, 200, 24), `
                                                      lr       optimizer dropout  größe
  trial   0/50  complete  eval_loss 0.5200     2m00s  0.001    adamw     0.1      3
  trial   1/50  pruned    eval_loss 1.9000    step 3  0.04     sgd       0.25     3
  trial   2/50  fail      eval_loss -          2m00s  (python ended with exit status 1; its last line: RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity))
  trial   3/50  complete  eval_loss 1.23e-05   2m00s  0.0002   adamw     0        3
  trial   4/50  fail      eval_loss -          2m00s  (as trial 2)
> trial   5/50  12000     eval_loss 0.2500     1m12s  0.0003   adamw     0.05     3
> trial   6/50  started   eval_loss -            2 s  0.0005   sgd       0.15     3
5 of 50 trials · 2 complete · 1 pruned · 2 failed · best eval_loss 1.23e-05 (trial 3) · 10m00s · about 44 min left
`},
		"20 columns": {shownAs(exampleTrials()[4:], loss, one, 20, 24), `
  4 fail -
    (python ended
    with exit status
    1; its last …
> 5 12000 0.2500
> 6 started -
1 of 50 trials
1 failed · 10m00s
about 48 min left
`},
		"no room": {shownAs(exampleTrials()[4:], loss, one, 80, 7), `
                                                      lr       optimizer …
  trial   4/50  fail      eval_loss -          2m00s  0.6      sgd
    (python ended with exit status 1; its last line: RuntimeError: CUDA out of
    memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity))
  … and 2 more running
1 of 50 trials · 1 failed · 10m00s · about 48 min left
`},
		"the names have scrolled away": {shownAs(exampleTrials(), loss, one, 80, 10), `
                                                      lr       optimizer …
  trial   0/50  complete  eval_loss 0.5200     2m00s  0.001    adamw
  trial   1/50  pruned    eval_loss 1.9000    step 3  0.04     sgd
  trial   2/50  fail      eval_loss -          2m00s  0.5      sgd
    (python ended with exit status 1; its last line: RuntimeError: CUDA out of
    memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity))
  trial   3/50  complete  eval_loss 1.23e-05   2m00s  0.0002   adamw
  trial   4/50  fail      eval_loss -          2m00s  (as trial 2)
                                                      lr       optimizer …
> trial   5/50  12000     eval_loss 0.2500     1m12s  0.0003   adamw
> trial   6/50  started   eval_loss -            2 s  0.0005   sgd
5 of 50 trials · 2 complete · 1 pruned · 2 failed
best eval_loss 1.23e-05 (trial 3) · 10m00s · about 44 min left
`},
		"two objectives": {shownAs(slices.Delete(pair, 1, 3), both, two, 80, 24), `
                          eval_loss  examples_per_se…           lr       …
  trial   0/50  complete  0.5200     812.0000            2m00s  0.001
  trial   3/50  complete  0.6100     1204.5000           2m00s  0.0002
  trial   4/50  fail      -          -                   2m00s  0.6
    (python ended with exit status 1; its last line: RuntimeError: CUDA out of
    memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity))
> trial   5/50  12000     0.2500     -                   1m12s  0.0003
> trial   6/50  started   -          -                     2 s  0.0005
3 of 50 trials · 2 complete · 1 failed · front of 2 trials · 10m00s
about 46 min left
`},
	} {
		if want := c.want[1:]; c.got != want {
			t.Errorf("%s: got\n%swant\n%s", name, c.got, want)
		}
	}
}

func TestTimeLeft(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	b := board{Outline: outline.Outline{Trials: 10, Workers: 2}}
	if _, ok := b.left(log.History(), noon); ok {
		t.Error("there is an estimate before a trial has ended")
	}
	for i := range 4 {
		log.Put(&trial.Trial{Number: i, State: trial.Failed, Start: noon, End: noon.Add(time.Minute)})
	}
	log.Put(&trial.Trial{Number: 4, Start: noon})                     // 30 s are left
	log.Put(&trial.Trial{Number: 5, Start: noon.Add(-2 * time.Hour)}) // it is late
	now := noon.Add(30 * time.Second)
	if got, _ := b.left(log.History(), now); got != 135*time.Second { // (30 s + 4 minutes) / 2
		t.Errorf("got %v, want 2m15s", got)
	}
	b.deadline = noon.Add(40 * time.Second)
	if got, _ := b.left(log.History(), now); got != 10*time.Second {
		t.Errorf("with a deadline: got %v, want 10s", got)
	}
	for d, want := range map[time.Duration]string{0: "5 s", 33 * time.Second: "35 s", 90 * time.Second: "2 min",
		89 * time.Minute: "89 min", 90 * time.Minute: "2 h", 47 * time.Hour: "47 h", 100 * time.Hour: "4 days"} {
		if got := roughTime(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// What is written scrolls above the block, in parts and at once, and the block is where it was.
func TestScreen(t *testing.T) {
	vt := vt10x.New(vt10x.WithSize(30, 6))
	width, height := 30, 6
	s := &screen{Writer: vt, size: func() (int, int) { return width, height }}
	check := func(want ...string) {
		t.Helper()
		var got []string
		for line := range strings.Lines(vt.String()) {
			got = append(got, strings.TrimRight(line, " \n"))
		}
		for len(want) < len(got) {
			want = append(want, "")
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	s.set(nil, []string{"running 1", "1 of 9 trials"})
	check("running 1", "1 of 9 trials")
	s.Write([]byte("a warn"))
	check("running 1", "1 of 9 trials")
	s.Write([]byte("ing\r\ntwo\r\nthr"))
	check("a warning", "two", "running 1", "1 of 9 trials")
	s.set(nil, []string{strings.Repeat("x", 40), "2 of 9"})
	check("a warning", "two", strings.Repeat("x", 28)+"…", "2 of 9")
	s.set([]byte("row\r\n"), []string{"3 of 9"})
	check("a warning", "two", "row", "3 of 9")
	s.set(nil, []string{"1", "2", "3", "4", "5", "6", "7"}) // more than fit
	check("1", "2", "3", "4", "5")
	s.set(nil, nil)
	check()
	s.Write([]byte("ee\r\n"))
	check("three")

	// A terminal that was made narrower breaks long lines, and the block takes more rows.
	s.drawn, width = []string{strings.Repeat("x", 25), "12345678901", "123"}, 11
	if got := s.rows(width); got != 3+1+1 {
		t.Errorf("the block takes %d rows, want 5", got)
	}
	// In the background nothing is drawn, and lines are written.
	var out bytes.Buffer
	s = &screen{Writer: &out, size: func() (int, int) { return 0, 0 }}
	s.set([]byte("row\n"), []string{"block"})
	s.set(nil, nil)
	if out.String() != "row\n" {
		t.Errorf("in the background: got %q", out.String())
	}
}

func TestLongNamesAreShort(t *testing.T) {
	for name, want := range map[string]string{
		"lr": "lr", "per_device_train_batch_size": "batch", "sixteen_letters_": "sixteen_letters_",
		"model.encoder.classifier_dropout": "…ssifier_dropout",
		"größe.größe.größe.x":              "…e.größe.größe.x",
	} {
		if got := shortName(name); got != want || columnsIn(got) > longestName {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
