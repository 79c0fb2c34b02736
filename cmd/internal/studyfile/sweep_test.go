package studyfile

import (
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

func TestASweepWithEveryDistribution(t *testing.T) {
	f, err := Read("testdata/sweep.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list := func(choices ...any) space.Dist { return space.Categorical{Choices: choices} }
	want := map[string]space.Dist{
		"constant": list(3), "categorical": list("a", "b", nil, 3, 1.5, true), "lists": list("[64, 64]", "[128]", `{"a": 1}`),
		"weighted": list("a", "b"), "ints": space.Int{Low: 1, High: 5}, "floats": space.Float{High: 1},
		"quantized": space.Int{Low: 0, High: 10, Step: 2}, "fractions": space.Float{High: 1, Step: 0.25},
		"log": space.Float{Low: 1e-4, High: 1e-2, Log: true}, "log_values": space.Float{Low: 1e-4, High: 0.1, Log: true},
		"batch": space.Int{Low: 32, High: 256, Step: 8}, "steps": space.Int{Low: 1, High: 1000, Log: true},
		"inverse": space.Float{Low: 0.01, High: 0.1, Log: true}, "inverse_values": space.Float{Low: 0.01, High: 0.1, Log: true},
		"normal": space.Float{Low: -0.5, High: 2.5}, "quantized_normal": space.Int{Low: 4, High: 16, Step: 1},
		"log_normal": space.Float{Low: math.Exp(-3), High: math.Exp(3), Log: true}, "beta": space.Float{High: 1},
		"optimizer.name": list("sgd", "adam"), "optimizer.lr": space.Float{Low: 0.1, High: 0.2},
	}
	for _, p := range f.Space.Params {
		got, wanted := p.Dist, want[p.Name]
		if a, ok := got.(space.Float); ok {
			b := wanted.(space.Float)
			if math.Abs(a.Low-b.Low) < 1e-15 && math.Abs(a.High-b.High) < 1e-15 {
				a.Low, a.High = b.Low, b.High
			}
			got = a
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s is %#v, want %#v", p.Name, got, wanted)
		}
	}
	notes := []string{
		"early_terminate is the pruner halving with min_resource 3 and reduction_factor 3; it judges as with strict: true",
		"batch: q_log_uniform_values is drawn evenly from the multiples of 8, not on a log scale",
		"normal: normal is drawn evenly from [-0.5, 2.5], three sigma",
		"quantized_normal: q_normal is drawn evenly from [4, 16], three sigma",
		"log_normal: log_normal is drawn evenly from [0.0497871, 20.0855], three sigma, on a log scale",
		"beta: beta is drawn evenly from [0, 1]", "ignored: description, project, entity",
	}
	for _, n := range notes {
		if !strings.Contains("\n"+strings.Join(f.Notes, "\n")+"\n", "\n"+n+"\n") {
			t.Errorf("notes lack %q:\n%s", n, strings.Join(f.Notes, "\n"))
		}
	}
	if len(f.Notes) != len(notes) || f.Name != "my sweep" || f.Trials != 20 || *f.Target != 0.1 || f.Sampler.Name != "auto" ||
		f.Metrics[0] != (Metric{"val_loss", "minimize"}) {
		t.Errorf("got %+v", f)
	}
	// The program gets what W&B's own agent would give it.
	params, err := f.Space.Suggest(study.Fixed(map[string]any{
		"constant": 3, "categorical": nil, "lists": "[64, 64]", "weighted": "b", "ints": 2, "floats": 0.5, "quantized": 4,
		"fractions": 0.25, "log": 0.001, "log_values": 0.001, "batch": 64, "steps": 10, "inverse": 0.05, "inverse_values": 0.05,
		"normal": 1.0, "quantized_normal": 9, "log_normal": 1.5, "beta": 0.5, "optimizer.name": "sgd", "optimizer.lr": 0.125,
	}))
	if err != nil {
		t.Fatal(err)
	}
	args, err := f.Arguments(params, nil)
	const wanted = "train.py --fixed=1 --batch=64 --beta=0.5 --categorical=None --constant=3 --floats=0.5 --fractions=0.25 --ints=2 " +
		"--inverse=0.05 --inverse_values=0.05 --lists=[64, 64] --log=0.001 --log_normal=1.5 --log_values=0.001 --normal=1.0 " +
		"--optimizer={'lr': 0.125, 'name': 'sgd'} --quantized=4 --quantized_normal=9 --steps=10 --weighted=b"
	if got := strings.Join(args, " "); err != nil || got != wanted {
		t.Errorf("arguments are\n%s, %v\nwant\n%s", got, err, wanted)
	}
}

func TestMacrosOfASweep(t *testing.T) {
	t.Setenv("BLUEFIN_TEST_PORT", "29500")
	params := map[string]any{"a": 1, "flag": true, "off": false, "s": "x y"}
	for command, want := range map[string]string{
		"[torchrun, '--port=${envvar:BLUEFIN_TEST_PORT}', '${program}', '${args}']": "torchrun|--port=29500|t.py|--a=1|--flag=True|--off=False|--s=x y",
		"[x, '${args_no_hyphens}']":       "x|a=1|flag=True|off=False|s=x y",
		"[x, '${args_no_equals}', after]": "x|--a|1|--flag|True|--off|False|--s|x y|after",
		"[x, '${args_no_boolean_flags}']": "x|--a=1|--flag|--s=x y",
		"[x, '${args_append_hydra}']":     "x|+a=1|+flag=True|+off=False|+s=x y",
		"[x, '${args_override_hydra}']":   "x|++a=1|++flag=True|++off=False|++s=x y",
		"[x, '${args_json}']":             `x|{"a": 1, "flag": true, "off": false, "s": "x y"}`,
		"[x, '${args_json_file}']":        "x|/t/params.json",
		"[x, 3]":                          "x|3",
	} {
		f, err := Parse("sweep.yaml", []byte("method: random\nprogram: t.py\nparameters: {a: {min: 1, max: 2}}\ncommand: "+command))
		if err != nil {
			t.Errorf("%s: %v", command, err)
			continue
		}
		args, err := f.Arguments(params, map[string]string{"params_file": "/t/params.json"})
		if got := strings.Join(append([]string{f.Command[0]}, args...), "|"); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", command, got, err, want)
		}
	}
	f, err := Parse("sweep.yaml", []byte("method: random\nprogram: t.py\nparameters: {a: {min: 1, max: 2}}\ncommand: ['${env}', A=1, python]"))
	if err != nil || runtime.GOOS != "windows" && f.Command[0] != "/usr/bin/env" {
		t.Errorf("got %v, %v", f, err)
	}
}

var badSweeps = []struct{ text, want string }{
	{"method: best", `1: method is "best", want one of bayes, grid, random`},
	{"method: random\nprogram: t.py\nparamters: {}", `3: unknown key "paramters", want one of apiVersion, command, `},
	{"method: random\nprogram: t.py", "1: parameters are missing"},
	{"method: random\nparameters: {a: {min: 1, max: 2}}", "1: program is missing, and the command has ${program}"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {min: 1}", "4: parameters.a: int_uniform needs min and max"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {min: 1, max: 2, q: 2}", "4: parameters.a: int_uniform has no q, want min and max"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {distribution: gamma}", `4: parameters.a.distribution is "gamma", want one of beta, categorical, `},
	{"method: random\nprogram: t.py\nparameters:\n  a: {distribution: int_uniform, min: 0.5, max: 2}",
		"4: parameters.a: min and max are 0.5 and 2, want ints for int_uniform"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {distribution: q_uniform, min: 0, max: 2, q: 0}", "4: parameters.a.q is 0, want a number above 0"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {distribution: log_uniform, min: 1, max: 2000}", "4: parameters.a: invalid: high is +Inf"},
	{"method: random\nprogram: t.py\nparameters:\n  a: 3", "4: parameters.a is 3, want a mapping"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {values: [1, 2], probabilities: [1]}", "4: parameters.a has 2 values and 1 probabilities"},
	{"method: random\nprogram: t.py\nparameters:\n  a: {parameters: {b: {value: 1}}, value: 2}", "4: parameters.a has parameters and other keys, want one of them"},
	{"method: bayes\nprogram: t.py\nmetric: {goal: minimize}\nparameters: {a: {min: 1, max: 2}}", "3: metric has no name"},
	{"method: bayes\nprogram: t.py\nearly_terminate: {type: hyperband}\nparameters: {a: {min: 1, max: 2}}", "3: early_terminate: want min_iter, or max_iter and s"},
	{"method: bayes\nprogram: t.py\ncommand: ['${python}']\nparameters: {a: {min: 1, max: 2}}", `3: command has "${python}", want one of ${env}, `},
	{"method: bayes\nprogram: t.py\ncommand: [x, '${envvar:BLUEFIN_NO_SUCH}']\nparameters: {a: {min: 1, max: 2}}",
		"3: command has ${envvar:BLUEFIN_NO_SUCH}, and the environment has no BLUEFIN_NO_SUCH"},
	{"method: grid\nprogram: t.py\nparameters:\n  a: {min: 0.5, max: 2}", "4: a is a float in [0.5, 2], and method is grid: want values, ints or a q"},
	{"method: bayes\njob: x\nparameters: {a: {min: 1, max: 2}}", "2: job: bluefin runs a program on this machine"},
}

func TestMistakesInSweepsGetOneLine(t *testing.T) {
	for _, test := range badSweeps {
		if _, err := Parse("sweep.yaml", []byte(test.text)); err == nil || !strings.HasPrefix(err.Error(), "sweep.yaml:"+test.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestHyperbandOfASweep(t *testing.T) {
	for keys, want := range map[string]string{
		"min_iter: 3": "map[min_resource:3 reduction_factor:3]", "min_iter: 2, eta: 2, strict: true": "map[min_resource:2 reduction_factor:2]",
		"max_iter: 27, s: 2": "map[min_resource:3 reduction_factor:3]", "max_iter: 5, s: 9, eta: 2": "map[min_resource:1 reduction_factor:2]",
	} {
		f, err := Parse("sweep.yaml", []byte("method: grid\nprogram: t.py\nparameters: {a: {values: [1, 2]}}\nearly_terminate: {type: hyperband, "+keys+"}"))
		if err != nil || f.Pruner.Name != "halving" || f.Trials != 2 || fmt.Sprint(f.Pruner.Settings) != want || f.Sampler.Name != "bruteforce" {
			t.Errorf("%s: got %+v, %v, want %s", keys, f, err, want)
		}
	}
	if d := one(t, mustParse(t, "method: grid\nprogram: t.py\nparameters: {a: {values: [1, 2]}}")); d.Len() != 2 {
		t.Errorf("got %v", d)
	}
}

func mustParse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
