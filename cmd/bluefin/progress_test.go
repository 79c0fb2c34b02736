package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// screenText is what was written, for several goroutines.
type screenText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *screenText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *screenText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns when something is written, or the test has failed.
func (l *screenText) wait(ctx context.Context, what string) error {
	for !strings.Contains(l.String(), what) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// progressTo returns a progress that shows 30 trials to w, and the study's configuration for it.
func progressTo(w io.Writer, width int) (*progress, study.Config) {
	cfg := study.Config{Name: "s", Directions: []trial.Direction{trial.Minimize}, Storage: &storage.Memory{}, Sampler: sampler.Random{}}
	p := newProgress(console{err: w}, outline.Outline{Trials: 30, Workers: 1, Metrics: []string{"loss"}, Step: "epoch"}, &cfg)
	p.width, p.quiet = func() int { return width }, time.Hour
	return p, cfg
}

func complete(number int, value float64, params ...trial.Param) *trial.Trial {
	start := time.Unix(1e9, 0)
	return &trial.Trial{Number: number, State: trial.Complete, Values: []float64{value}, Start: start, End: start.Add(477 * time.Second), Params: params}
}

func TestTrialLinesFitAndAlign(t *testing.T) {
	params := []trial.Param{
		{Name: "learning_rate", Value: 0.000123456, Dist: space.Float{Low: 1e-5, High: 1, Log: true}},
		{Name: "epochs", Value: 3, Dist: space.Int{Low: 1, High: 100}},
		{Name: "fixed", Value: 7, Dist: space.Int{Low: 7, High: 7}},
		{Name: "schedule", Value: 1, Dist: space.Categorical{Choices: []any{"constant", "linear"}}},
	}
	var out screenText
	p, _ := progressTo(&out, 80)
	p.ended(complete(0, 0.5, params...))
	params[0].Value, params[1].Value, params[3].Value = 0.1, 100, 0
	p.ended(complete(1, 0.4, params...))
	failed := complete(2, 0, params...)
	failed.State, failed.Values = trial.Failed, nil
	failed.SystemAttrs = map[string]json.RawMessage{"bluefin:failure": []byte(`"the loss is not finite after epoch 1, step 3 of a long training"`)}
	p.ended(failed)
	want := "                                                 lr       epochs schedule\n" +
		"* trial   0/30  complete  loss 0.5000     7m57s  0.000123 3      linear\n" +
		"* trial   1/30  complete  loss 0.4000     7m57s  0.1      100    constant\n" +
		"  trial   2/30  fail      loss -          7m57s  0.1      100    constant\n" +
		"    (the loss is not finite after epoch 1, step 3 of a long training)\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var wide screenText
	p, _ = progressTo(&wide, 200)
	p.ended(complete(0, 0.5, params...))
	if got := wide.String(); !strings.HasSuffix(got, "  0.1      100    constant\n") {
		t.Errorf("with room there is %q", got)
	}
	// A column that does not fit is left out as a whole.
	var narrow screenText
	p, _ = progressTo(&narrow, 66)
	p.ended(complete(0, 0.5, params...))
	if got, want := narrow.String(), "                                                 lr       epochs …\n"+
		"* trial   0/30  complete  loss 0.5000     7m57s  0.1      100\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	narrow = screenText{}
	p, _ = progressTo(&narrow, 20)
	p.ended(complete(0, 0.5, params...))
	p.ended(failed)
	if got, want := narrow.String(), "* 0 complete 0.5000\n  2 fail -\n    (the loss is not finite after epoch 1, step 3 of a long training)\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestOnlyAGainHasAStar(t *testing.T) {
	var out screenText
	p, _ := progressTo(&out, 80)
	for i, value := range []float64{0.3, 0.3, 0.4, 0.299999, 0.2999, 0.00001, 0.000001, 0.000001000001, 0} {
		p.ended(complete(i, value))
	}
	var stars strings.Builder
	for line := range strings.Lines(out.String()) {
		stars.WriteByte(line[0])
	}
	if got := stars.String(); got != "*   *** *" {
		t.Errorf("the stars are %q in\n%s", got, out.String())
	}
}

func TestLongTrialsSayWhereTheyAre(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out screenText
	p, cfg := progressTo(&out, 80)
	p.quiet = time.Nanosecond
	s, err := study.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.begin(ctx, s); err != nil {
		t.Fatal(err)
	}
	defer p.end()
	halfway := errors.New("halfway")
	runCtx, stop := context.WithCancelCause(ctx)
	err = s.Optimize(runCtx, func(live *study.Trial) (float64, error) {
		live.Float("learning_rate", 0, 1)
		live.Float("fixed", 1, 1)
		if err := out.wait(ctx, "trial   0/30  started   learning_rate=0."); err != nil {
			return 0, err
		}
		if err := live.Report(1, 0.25); err != nil {
			return 0, err
		}
		if err := out.wait(ctx, "trial   0/30  running   loss 0.2500  epoch 1, "); err != nil {
			return 0, err
		}
		if err := live.Checkpoint(1, []byte("state")); err != nil {
			return 0, err
		}
		stop(halfway)
		return 0, context.Cause(live.Context())
	}, study.Budget{Trials: 1})
	if !errors.Is(err, halfway) {
		t.Fatal(err)
	}
	if s, err = study.Load(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(ctx, func(live *study.Trial) (float64, error) { return 0.1, nil }, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	if want := "  Trial 0 resumes from its checkpoint of epoch 1.\n"; !strings.Contains(out.String(), want) {
		t.Errorf("got\n%swant %q", out.String(), want)
	}
	if got := out.String(); strings.Count(got, "started") != 1 || strings.Count(got, "running") != 1 || strings.Contains(got, "fixed") {
		t.Errorf("something is shown twice, or should not be:\n%s", got)
	}
}

// A phase before the trials does not keep anyone waiting who has had enough.
func TestPhasesEndWithTheirContext(t *testing.T) {
	for _, c := range []struct {
		cause error
		want  string
	}{{timeoutError(time.Minute), "--timeout 1m0s is over while rehearsing, before a trial began"}, {context.Canceled, "interrupted"}} {
		var out screenText
		ctx, cancel := context.WithCancelCause(t.Context())
		never := make(chan struct{})
		defer close(never)
		_, err := phase(ctx, console{err: &out}, "rehearsing", "Rehearsing …", func() (int, error) {
			cancel(c.cause)
			<-never
			return 0, nil
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.cause, err, c.want)
		}
		if errors.Is(err, errInterrupted) != (c.cause == context.Canceled) {
			t.Errorf("%v ends with %v", c.cause, err)
		}
	}
}

// What comes before the study ends as the search does: by a signal with 130, by
// the timeout with a line that says where it was. Neither leaves a study.
func TestStopsBeforeTheSearch(t *testing.T) {
	for name, c := range map[string]struct {
		interrupted bool
		timeout     string
		code        int
		want        string
	}{
		"a signal": {true, "1h", exitInterrupted, "Interrupted while loading the data and the network, before a trial began."},
		"the time": {false, "1ns", 1, "--timeout 1ns is over while loading the data and the network, before a trial began"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if c.interrupted {
			cancel()
		}
		file := filepath.Join(t.TempDir(), "s.db")
		var out screenText
		if code := run(ctx, []string{"bluefin", "finetune", "--storage", file, "--timeout", c.timeout}, io.Discard, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", name, code, c.code, c.want, out.String())
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is a study file: %v", name, err)
		}
	}
}
