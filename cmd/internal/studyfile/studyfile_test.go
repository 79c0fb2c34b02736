package studyfile

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/space"
)

func TestEveryKeyOfAStudyFile(t *testing.T) {
	f, err := Read("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var params []string
	for _, p := range f.Space.Params {
		text := fmt.Sprintf("%s: %v", p.Name, p.Dist)
		if p.If != nil {
			text += " if " + p.If.String()
		}
		params = append(params, text)
	}
	want := []string{
		"learning_rate: a float in [1e-06, 0.001] on a log scale", "batch_size: one of 8, 16, 32", "epochs: an int in [1, 5]",
		"decay: a float in [0, 0.3] in steps of 0.1", `optimizer: one of "adamw", "sgd", null`,
		`momentum: a float in [0, 0.99] if optimizer == "sgd"`, "nesterov: one of true, false if momentum > 0.5",
		"warmup_steps: an int in [0, 1000] in steps of 100", "max_steps: an int in [100, 2000]", "dropout: a float in [0, 0.5]",
		`model.name: one of "bert-base"`, "seed: one of 42",
	}
	if !reflect.DeepEqual(params, want) {
		t.Errorf("parameters are\n%s\nwant\n%s", strings.Join(params, "\n"), strings.Join(want, "\n"))
	}
	first := map[string]any{"learning_rate": 5e-5, "batch_size": 16, "momentum": 0.9, "warmup_steps": 100}
	if !reflect.DeepEqual(f.First, first) {
		t.Errorf("trial 0 is %v, want %v", f.First, first)
	}
	target := 0.1
	failures := f.Failures
	matched := failures[0].Match.String()
	failures[0].Match = nil
	constraints := fmt.Sprint(f.Space.Constraints)
	f.Space.Params, f.Space.Constraints, f.First = nil, nil, nil
	f.Sampler.Where, f.Pruner.Where = strings.TrimPrefix(f.Sampler.Where, "testdata/"), ""
	if want := (&File{
		Name: "bert", Storage: "bert.db", Folder: "runs",
		Enqueue: []map[string]any{{"learning_rate": 2e-5, "batch_size": 8}, {"optimizer": "sgd", "momentum": 0.5}},
		Metrics: []Metric{{"eval_loss", "minimize"}}, Record: []string{"eval_accuracy", "train_loss"},
		GoalOf: "best", Regex: `loss=(\S+)`, Source: "trainer_state",
		Sampler: Choice{"tpe", map[string]any{"n_startup_trials": 20, "multivariate": false}, "full.yaml:37"},
		Pruner:  Choice{"halving", map[string]any{"min_resource": 2, "reduction_factor": 3}, ""}, Seed: 7,
		WarmStart: []string{"old.db", "older.db#bert-small"},
		Command:   []string{"python", "train.py", "--output_dir", "{trial_dir}", "--note", "two words"},
		Args:      "equals", Dir: "src", Env: []string{"OMP_NUM_THREADS=1", "TOKENIZERS_PARALLELISM=false"},
		Render: "config.yaml", Resume: "hf", Slots: Slots{GPUs: "0,1", GPUsPerTrial: 0.5},
		Failures: []command.Failure{{Do: command.Infeasible}, {Signal: "KILL", Do: command.Retry, Retries: 2},
			{Exit: []int{3, 4}, Do: command.Stop}, {Exit: []int{5}}},
		Initial: 2, Trials: 50, Time: 8*time.Hour + 30*time.Minute, Target: &target, NoImprovement: 20, Cost: 20 * time.Hour, Repeats: 3, Noise: "0.01",
		TrialTimeout: 2 * time.Hour, StallTimeout: 20 * time.Minute, Grace: 5 * time.Second, Orphans: "retry", Durability: "normal",
	}); !reflect.DeepEqual(f, want) || matched != "CUDA out of memory" ||
		constraints != "[warmup_steps < max_steps learning_rate * batch_size < 0.1]" {
		t.Errorf("got %+v, %s, %s\nwant %+v", f, matched, constraints, want)
	}
}

// bad has mistakes and the line that each gets, without the name of the file. The schema finds those that
// are not marked as beyond it: values that depend on others.
var bad = []struct{ text, want, beyond string }{
	{"paramters: {x: 1..2}", `1: unknown key "paramters", want one of args, budget, command, constraints, dir, durability, enqueue, ` +
		"env, failures, finetune, folder, goal_of, grace, max_initial_failures, metrics, name, orphans, parameters, pruner, regex, render, resume, " +
		"sampler, scheduler, seed, slots, source, stall_timeout, storage, trial_timeout", ""},
	{"parameters:\n  x: {low: 1, hihg: 2}", `2: unknown key "hihg", want one of choices, default, high, if, log, low, path, prior, range, step, type, value, values, weights`, ""},
	{"parameters:\n  x: {range: 1..9:log, prior: vague}", "2: parameters.x.prior has no center: want a default, or center in prior", "default"},
	{"parameters:\n  x: {range: 1..9:log, default: 2, prior: sure}", `2: parameters.x.prior is "sure", want one of vague, confident, ` +
		"certain, or a mapping with sigma", ""},
	{"parameters:\n  x:\n    range: 1..9:log\n    default: 2\n    prior: {sigma: 3}", `5: parameters.x.prior.sigma is "3", want decades ` +
		`like "0.5 decade", a share of the range like 10%, or one of vague, confident, certain`, "scale"},
	{"parameters:\n  x: {range: 1..9, default: 2, prior: {sigma: 0}}", `2: parameters.x.prior.sigma is "0", want a number above 0`, ""},
	{"parameters:\n  x: {range: 1..9, default: 2, prior: {spread: -1}}", `2: parameters.x.prior.spread is -1, want a number above 0`, ""},
	{"parameters:\n  x: {range: 1..9, default: 2, prior: {sigma: 1, spread: 1}}", "2: parameters.x.prior: want sigma or spread", ""},
	{"parameters:\n  x: {range: 1..9, prior: {center: 10, sigma: 1}}", "2: parameters.x.prior.center is 10, want an int in [1, 9]", "range"},
	{"parameters:\n  x: {range: 1..9, weights: [1, 2]}", "2: parameters.x.weights belongs to choices, and x is an int in [1, 9]: want prior",
		"kind"},
	{"parameters:\n  x: {choices: [a, b], weights: [1]}", "2: parameters.x.weights: invalid: it has 1 weights, want 2: one for each choice", "count"},
	{"parameters:\n  x: {choices: [a, b], weights: [0, 0]}", "2: parameters.x.weights: invalid: all weights are 0", "sum"},
	{"parameters:\n  x: {choices: [a, b], weights: [1, -1]}", "2: parameters.x.weights: invalid: weight 1 is -1, want a finite number of " +
		"at least 0", ""},
	{"parameters:\n  x: {choices: [a, b], weights: [1, .nan]}", "2: parameters.x.weights[1] is .nan, want a finite number", ""},
	{"parameters:\n  x: {choices: [a, b], default: a, prior: {sigma: 1}}", `2: parameters.x.prior.sigma is "1", want one of vague, ` +
		"confident, certain, as choices have no distance", ""},
	{"parameters:\n  x: {range: 1..9, prior: {center: 8, sigma: 1}}\n  y: {range: 1..9, prior: {center: 2, sigma: 1}}\nconstraints:\n  - x < y",
		`5: the most likely values of the priors violate the constraint "x < y"`, "constraint"},
	{"parameters:\n  x: 2..1", "2: parameters.x: invalid: low is 2, want at most high, which is 1", "order"},
	{"parameters:\n  x: {low: 0, high: 1, log: true}", "2: parameters.x: invalid: low is 0, want at least 1 in a logarithmic range", "log"},
	{"parameters:\n  x: {choices: [a, b], values: [[1]]}", "2: parameters.x.values has 1 values, want one for each choice", "count"},
	{"max_initial_failures: -2", "1: max_initial_failures is -2, want a whole number of at least 1", ""},
	{"parameters:\n  x: {low: 0}", "2: parameters.x: want low and high, or range, or choices, or value", ""},
	{"parameters:\n  x: {low: a, high: 1}", `2: parameters.x.low is "a", want a finite number`, ""},
	{"parameters:\n  x: {low: .nan, high: 1.0}", "2: parameters.x.low is .nan, want a finite number", ""},
	{"parameters:\n  x: {low: 0, high: 1, step: 0}", "2: parameters.x.step is 0, want a number above 0", ""},
	{"parameters:\n  x: {low: 0, high: 1.5, type: int}", "2: parameters.x.high is 1.5, want a whole number, as the type is int", "type"},
	{"parameters:\n  x: {low: 0, high: 1, log: yes}", `2: parameters.x.log is "yes", want true or false`, ""},
	{"parameters:\n  x: {choices: []}", "2: parameters.x: invalid: choices are empty, want at least one", ""},
	{"parameters:\n  x: {choices: [1, 1]}", "2: parameters.x: invalid: choice 1 is 1 again, want different choices", ""},
	{"parameters:\n  x: {choices: [[1]]}", "2: parameters.x.choices[0] is a list, want null, true, false, a number or a text", ""},
	{"parameters:\n  x: {choices: [1], step: 2}", "2: parameters.x: step, log and type belong to low and high", ""},
	{"parameters:\n  x: {choices: [1, 2], default: 3}", "2: parameters.x.default is 3, want one of 1, 2", "default"},
	{"parameters:\n  x: {low: 1, high: 2, default: 9}", "2: parameters.x.default is 9, want an int in [1, 2]", "default"},
	{"parameters:\n  trial_dir: 1..2", `2: parameter "trial_dir": {trial_dir} has another meaning, want another name`, ""},
	{"parameters: {}", "1: parameters is empty, want at least one parameter", ""},
	{"parameters: 3", "1: parameters is 3, want a mapping", ""},
	{"parameters:\n  x: 1..2\n  x: 1..3", `3: key "x" is there twice`, "twice"},
	{"parameters:\n  x: {low: 1, high: 2, if: y > 1}", `2: parameters.x.if: expression "y > 1": unknown name y in column 1`, "names"},
	{"parameters:\n  x: {low: 1, high: 2, if: y > 1}\n  y: {low: 1, high: 2, if: x > 1}",
		"2: the conditions of x, y form a circle", "circle"},
	{"parameters:\n  x: 1..2\nconstraints: [x >]", `3: constraints[0]: expression "x >": unexpected token EOF in column 3`, "syntax"},
	{"parameters:\n  x: 1..2\nconstraints:\n- x > 0\n- x > 5",
		`5: no parameters satisfy the constraint "x > 5" and the others: none of 10000 random ones do`, "unsatisfied"},
	{"parameters:\n  x: 1..2\n  y: {low: 1, high: 2, default: 1}\nconstraints: [y > 1]",
		`3: the defaults cannot be trial 0: the constraint "y > 1" does not hold`, "defaults"},
	{"parameters:\n  x: 1..2\nenqueue:\n- {z: 1}", `4: enqueue[0]: "z" is no parameter, want one of x`, "names"},
	{"parameters:\n  x: 1..2\nenqueue:\n- {x: 7}", "4: enqueue[0].x is 7, want an int in [1, 2]", "range"},
	{"metrics: loss", `1: metrics is "loss", want a list`, ""},
	{"metrics: [{name: loss, direction: down}]", `1: metrics[0].direction is "down", want one of auto, minimize, maximize, record`, ""},
	{"metrics: [{direction: minimize}]", "1: metrics[0] has no name", ""},
	{"metrics: [{name: loss, direction: record}]", "1: metrics have no objective, want at least one that is minimized or maximized", ""},
	{"metrics: [loss, loss]", `1: metric "loss" is there twice`, ""},
	{"regex: '('", "1: regex: error parsing regexp: missing closing ): `(`", ""},
	{"source: xml", `1: source is "xml", want one of `, ""},
	{"sampler: best", `1: sampler is "best", want one of auto, tpe, `, ""},
	{"sampler: {name: tpe, startup: 3}", `1: sampler: tpe has no setting "startup", want one of `, ""},
	{"sampler: {name: tpe, n_startup_trials: 0}", "1: sampler: n_startup_trials is 0, want a whole number of at least 1", ""},
	{"pruner: median:3", `1: pruner is "median:3", want no number after median`, ""},
	{"pruner: {min_resource: 3}", "1: pruner has no name", ""},
	{"scheduler: halvin", `1: scheduler is "halvin", want one of halving, none`, ""},
	{"scheduler: none:2", `1: scheduler is "none:2", want no number after none`, ""},
	{"scheduler: halving:0", `1: scheduler is "halving:0", want a whole number of brackets, 1 to 30, after halving:`, ""},
	{"scheduler: {name: halving, reduction_factor: 1}", "1: scheduler: reduction_factor is 1, want a whole number of at least 2", ""},
	{"scheduler: {name: halving, brackets: 31}", "1: scheduler: brackets is 31, want at most 30", ""},
	{"scheduler: {name: halving, steps: 2}", `1: scheduler: halving has no setting "steps", want one of brackets, min_resource, reduction_factor`, ""},
	{"budget: {steps: 0}", "1: budget.steps is 0, want a whole number of at least 1", ""},
	{"command: []", "1: command is empty, want a program and its arguments", ""},
	{"command: \"\"", "1: command is empty, want a program and its arguments", ""},
	{"command: python 'x", `1: command is "python 'x": Unterminated single-quoted string`, "quotes"},
	{"command: cat x | sort", "1: command has |, and no shell reads it: want a list like [sh, -c, '…'], or quotes around it", "shell"},
	{"args: hydras", `1: args is "hydras", want one of flags, equals, hydra, none`, ""},
	{"env: [A=1]", "1: env is a list, want a mapping", ""},
	{"env: {A: }", "1: env.A is empty, want a text", ""},
	{"slots: 0", "1: slots is 0, want a whole number of at least 1", ""},
	{"slots: {gpus_per_trial: 2}", "1: slots.gpus_per_trial needs gpus", ""},
	{"slots: []", "1: slots is empty, want at least one environment", ""},
	{"failures: [{exit: 0}]", "1: failures[0].exit is 0, want a whole number of at least 1", ""},
	{"failures: [{exit: 3, do: again}]", `1: failures[0].do is "again", want one of fail, retry, infeasible, stop`, ""},
	{"failures: [{exit: 3, do: stop, retries: 2}]", "1: failures[0].retries is for do: retry", ""},
	{"budget: {trials: 0}", "1: budget.trials is 0, want a whole number of at least 1", ""},
	{"budget: {trials: many}", `1: budget.trials is "many", want a whole number of at least 1`, ""},
	{"budget: {time: 3}", "1: budget.time is 3, want a time above 0, like 90s, 10m or 2h30m", ""},
	{"budget: {time: -3h}", `1: budget.time is "-3h", want a time above 0, like 90s, 10m or 2h30m`, ""},
	{"budget: {target: .inf}", "1: budget.target is .inf, want a finite number", ""},
	{"budget: {noise: -1}", "1: budget.noise is -1, want a number of at least 0", ""},
	{"metrics: [a, b]\nbudget:\n  target: 3", "3: target, no_improvement and noise are for one metric, and metrics has 2", "metrics"},
	{"seed: -1", "1: seed is -1, want a whole number of at least 0", ""},
	{"a: [1, 2\nb: 3", "2: did not find expected ',' or ']'", "syntax"},
	{"a: b: c", "1: mapping values are not allowed in this context", "syntax"},
	{"[1, 2]", "1: the file is a list, want the keys of a study.yaml, such as parameters and command", ""},
	{"budget: &b {trials: 3, <<: *b}", "1: ", "alias"},
	{"parameters:\n  x: &a [1, *a]", "2: ", "alias"},
}

func TestMistakesGetOneLine(t *testing.T) {
	for _, test := range bad {
		_, err := Parse("study.yaml", []byte(test.text))
		switch {
		case err == nil:
			t.Errorf("%s: no error, want %s", test.text, test.want)
		case !strings.HasPrefix(err.Error(), "study.yaml:"+test.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
	for text, want := range map[string]string{
		"": "study.yaml is empty", "# nothing\n": "study.yaml is empty", "a: 1\n---\nb: 2": "study.yaml:2: a second document begins here, want one", "\x00": "control characters",
	} {
		if _, err := Parse("study.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", text, err, want)
		}
	}
	big := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(big, make([]byte, largest+1), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(big); err == nil || !strings.Contains(err.Error(), "1048577 bytes, want at most 1048576") {
		t.Errorf("got %v", err)
	}
}

// A merged mapping fills in what the mapping itself does not have.
func TestAnchorsAndMergedMappings(t *testing.T) {
	f, err := Parse("study.yaml", []byte(`
parameters:
  a: &range {low: 1, high: 9}
  b: {<<: *range, high: 3}
  c: *range
command: [&p python, *p]
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(f.Space.Params[1].Dist, f.Space.Params[2].Dist, f.Command); got !=
		"an int in [1, 3] an int in [1, 9] [python python]" {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(full))
	sweep, err := os.ReadFile("testdata/sweep.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sweep))
	for _, test := range bad {
		f.Add(test.text)
	}
	for _, test := range badSweeps {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("f.yaml", []byte(text))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") || !strings.HasPrefix(err.Error(), "f.yaml") {
				t.Errorf("%q: the message is not one line about the file: %q", text, err)
			}
			return
		}
		for _, p := range file.Space.Params {
			if err := p.Dist.Check(); err != nil {
				t.Errorf("%q: parameter %s: %v", text, p.Name, err)
			}
		}
	})
}

// one has the only parameter of a file.
func one(t *testing.T, f *File) space.Dist {
	t.Helper()
	if len(f.Space.Params) != 1 {
		t.Fatalf("the file has %d parameters, want 1", len(f.Space.Params))
	}
	return f.Space.Params[0].Dist
}

// TestPriorsSurviveText: a study remembers its beliefs to the last bit.
func TestPriorsSurviveText(t *testing.T) {
	const text = `
parameters:
  lr: {low: 1e-6, high: 1e-1, log: true, default: 2e-5, prior: {sigma: 0.5 decade}}
  decay: {low: 0.0, high: 0.3, prior: {center: 0.01, sigma: 0.05}}
  layers: {range: 0..12, default: 3, prior: vague}
  batch: {range: 4..64:log, default: 8, prior: {sigma: 7%}}
  optimizer: {choices: [adamw, sgd, null], weights: [3, 1, 0.5]}
  schedule: {choices: [linear, cosine], default: cosine, prior: confident}
  plain: 1..5
metrics: [loss]
command: [train]
`
	f, err := Parse("study.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*space.Belief{
		"lr":        {Center: 2e-5, Spread: 0.1},
		"decay":     {Center: 0.01, Spread: 0.05 * (1.0 / 0.3)},
		"layers":    {Center: 3, Spread: 0.3},
		"batch":     {Center: 8, Spread: 0.07},
		"optimizer": {Weights: []float64{3, 1, 0.5}},
		"schedule":  {Weights: []float64{0.2, 1}},
		"plain":     nil,
	}
	written, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("plan", []byte(written))
	if err != nil {
		t.Fatalf("%v in\n%s", err, written)
	}
	if err := check(t, []byte(written)); err != nil {
		t.Errorf("the schema says %v of\n%s", err, written)
	}
	for i, p := range f.Space.Params {
		if b := again.Space.Params[i].Belief; !b.Same(p.Belief) {
			t.Errorf("%s: %+v became %+v in\n%s", p.Name, p.Belief, b, written)
		}
		w := want[p.Name]
		if (w == nil) != (p.Belief == nil) || w != nil && (w.Center != p.Belief.Center ||
			math.Abs(w.Spread-p.Belief.Spread) > 1e-12 || !slices.Equal(w.Weights, p.Belief.Weights)) {
			t.Errorf("%s: %+v, want %+v", p.Name, p.Belief, w)
		}
	}
}
