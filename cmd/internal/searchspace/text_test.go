package searchspace

import (
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

func TestParametersOfACommandLine(t *testing.T) {
	list := func(choices ...any) space.Dist { return space.Categorical{Choices: choices} }
	for text, want := range map[string]space.Dimension{
		"lr=1e-6..1e-3:log":         {Name: "lr", Dist: space.Float{Low: 1e-6, High: 1e-3, Log: true}},
		"n=1..5":                    {Name: "n", Dist: space.Int{Low: 1, High: 5}},
		"n=-8..64:step=8":           {Name: "n", Dist: space.Int{Low: -8, High: 64, Step: 8}},
		"n=1..1024:log":             {Name: "n", Dist: space.Int{Low: 1, High: 1024, Log: true}},
		"x=1..5:step=0.5":           {Name: "x", Dist: space.Float{Low: 1, High: 5, Step: 0.5}},
		"x=0..0.5":                  {Name: "x", Dist: space.Float{High: 0.5}},
		"x=-1.0..-.5":               {Name: "x", Dist: space.Float{Low: -1, High: -0.5}},
		"batch=8,16,32":             {Name: "batch", Dist: list(8, 16, 32)},
		"decay=0,0.1":               {Name: "decay", Dist: list(0.0, 0.1)},
		"fp16=true,false":           {Name: "fp16", Dist: list(true, false)},
		"opt=adamw,sgd":             {Name: "opt", Dist: list("adamw", "sgd")},
		"mixed=1,a":                 {Name: "mixed", Dist: list("1", "a")},
		"schedule=cosine":           {Name: "schedule", Dist: list("cosine")},
		"model.optimizer.lr=0.1..1": {Name: "model.optimizer.lr", Dist: space.Float{Low: 0.1, High: 1}},
		"layers=[1],[1]x":           {Name: "layers", Dist: list("[1]", "[1]x")},
		"day=2026-11-30":            {Name: "day", Dist: list("2026-11-30")},
		"path=a=b,c=d":              {Name: "path", Dist: list("a=b", "c=d")},
		"größe=1..2":                {Name: "größe", Dist: space.Int{Low: 1, High: 2}},
		"lr=1e-6..1e-2:log:near=1e-3": {Name: "lr", Dist: space.Float{Low: 1e-6, High: 1e-2, Log: true},
			Belief: &space.Belief{Center: 1e-3, Spread: 0.1}},
		"lr=1e-6..1e-2:near=1e-3:sigma=0.5decade:log": {Name: "lr", Dist: space.Float{Low: 1e-6, High: 1e-2, Log: true},
			Belief: &space.Belief{Center: 1e-3, Spread: 0.125}},
		"x=0..4.0:near=1:sigma=vague": {Name: "x", Dist: space.Float{Low: 0, High: 4}, Belief: &space.Belief{Center: 1, Spread: 0.3}},
		"x=0..4.0:near=1:sigma=1":     {Name: "x", Dist: space.Float{Low: 0, High: 4}, Belief: &space.Belief{Center: 1, Spread: 0.25}},
		"n=1..10:near=3:sigma=20%":    {Name: "n", Dist: space.Int{Low: 1, High: 10}, Belief: &space.Belief{Center: 3, Spread: 0.2}},
		"n=0..7:near=3:sigma=1":       {Name: "n", Dist: space.Int{Low: 0, High: 7}, Belief: &space.Belief{Center: 3, Spread: 0.125}},
		"url=http://a:near=1,b":       {Name: "url", Dist: list("http://a:near=1", "b")},
	} {
		if got, err := ParseParam(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v and %v, want %#v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"lr":                       `parameter "lr": want NAME=LOW..HIGH or NAME=CHOICE,CHOICE`,
		"lr=":                      "want NAME=LOW..HIGH",
		"=1..2":                    "parameter name",
		"lr=1e-3..1e-6:log":        "low",
		"lr=0..1:log":              "log",
		"lr=1..":                   `"" is no finite number`,
		"lr=a..b":                  `"a" is no finite number`,
		"lr=0..inf":                `"inf" is no finite number`,
		"lr=0..1:logarithmic":      `option is "logarithmic", want log, step=S, near=X or sigma=S`,
		"lr=1e-6..1e-2:log:near=1": "near is 1, want a float in [1e-06, 0.01] on a log scale",
		"lr=0..1.0:near=nan":       "near is nan, want a float in [0, 1]",
		"lr=0..1.0:sigma=0.1":      `near is "", want a float in [0, 1]`,
		"n=1..9:near=2.5":          "near is 2.5, want an int in [1, 9]",
		"lr=1e-6..1e-2:log:near=1e-3:sigma=0.5": `sigma is "0.5", want decades like "0.5 decade", a share of the range like 10%, or one ` +
			"of vague, confident, certain",
		"lr=0..1:near=0.1:sigma=1decade": `sigma is "1decade", want a number above 0, a share of the range like 10%`,
		"lr=0..1:near=0.1:sigma=-1":      `sigma is "-1", want a number above 0`,
		"lr=0..1:near=0.1:sigma=nan":     `sigma is "nan", want a number above 0`,
		"lr=3..3:near=3:sigma=1":         "sigma is about a range of a single value",
		"n=1..99999999999999999999":      "too large for an int",
		"n=1..5:step=0":                  "step",
		"n=1..5:step=-1":                 "step",
		"opt=a,a":                        "again",
		"opt=sgd,":                       `"sgd," has an empty choice`,
		"lr=[0.1,0.2]":                   `"[0.1,0.2]" has brackets`,
		"lr=uniform(0,1)":                "has brackets",
		"lr=0.1-0.5":                     `"0.1-0.5" is no range, want 0.1..0.5`,
		"lr=1e-6:1e-3":                   "want 1e-6..1e-3",
		"trial_dir=a,b":                  "{trial_dir} has another meaning",
	} {
		if got, err := ParseParam(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %#v and %v, want %q", text, got, err, want)
		}
	}
}
