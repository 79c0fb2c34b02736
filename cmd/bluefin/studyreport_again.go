package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/report"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An origin is where trials come from, as far as it tells how to run one of them again.
type origin struct {
	storage   place
	study     string
	trials    int       // that have finished
	finetuned *identity // nil: not by bluefin finetune
}

// again returns what runs a trial again.
func (o origin) again(t *trial.Trial) []report.Command {
	var line command.Line
	switch {
	case o.finetuned != nil:
		return o.finetuneAgain(t)
	case json.Unmarshal(t.UserAttrs[command.LineAttr], &line) == nil && len(line.Args) > 0:
		return []report.Command{
			{Title: "In a new folder", Language: "sh", Text: o.storage.command([]string{"bluefin", "rerun"}, "--study-name", o.study,
				"--trial", strconv.Itoa(t.Number), "--run")},
			{Title: "The program itself, with the folder of the trial", Language: "sh",
				Text: visibleLines(lineText(line, line.Variables(t.Number, externals(t.Params))))},
		}
	}
	return o.parametersAgain(t)
}

// rerunBest returns the command that makes the best trial of a study again, if finetune made it.
func rerunBest(p place) func(storage.Study, int, *trial.Trial) string {
	return func(record storage.Study, trials int, best *trial.Trial) string {
		var id identity
		if json.Unmarshal(record.UserAttrs[identityKey], &id) != nil {
			return ""
		}
		return origin{storage: p, study: record.Name, trials: trials, finetuned: &id}.finetuneAgain(best)[0].Text
	}
}

// finetuneAgain trains again the network of the best trial, which is t: --output lacks it.
func (o origin) finetuneAgain(t *trial.Trial) []report.Command {
	id := o.finetuned
	words := []string{"bluefin", "finetune", "--task", id.Task}
	for _, name := range slices.Sorted(maps.Keys(id.Flags)) {
		if value := id.Flags[name]; value == "true" {
			words = append(words, "--"+name)
		} else {
			words = append(words, "--"+name, value)
		}
	}
	if id.Metric != "" && id.Metric != "loss" {
		words = append(words, "--metric", string(id.Metric))
	}
	if stages := stagesText(id.Stages); stages != "--fidelity epochs" {
		words = append(words, strings.Fields(stages)...)
	}
	if id.Seed != 0 {
		words = append(words, "--seed", strconv.FormatUint(id.Seed, 10))
	}
	words = append(words, "--trials", strconv.Itoa(o.trials))
	return []report.Command{
		{Title: "Train the network again and save it, in the folder where the search ran", Language: "sh",
			Text: o.storage.command(words, "--study-name", o.study, "--output", "best-network")},
		{Title: "Its settings, as JSON", Language: "json", Text: paramsJSON(t)},
	}
}

// parametersAgain writes the parameters for a program that asks a study for them.
func (o origin) parametersAgain(t *trial.Trial) []report.Command {
	if len(t.Params) == 0 {
		return nil
	}
	var python, golang []string
	for _, p := range t.Params {
		name := strconv.Quote(p.Name) // whose escapes Python has too
		python = append(python, name+": "+pythonValue(p.External()))
		golang = append(golang, name+": "+goValue(p.External()))
	}
	return []report.Command{
		{Title: "Its parameters, as JSON", Language: "json", Text: paramsJSON(t)},
		{Title: "In Go: a trial that suggests them to an objective", Language: "go",
			Text: "study.Fixed(map[string]any{" + strings.Join(golang, ", ") + "})"},
		{Title: "In Python, with Optuna", Language: "python",
			Text: "optuna.trial.FixedTrial({" + strings.Join(python, ", ") + "})"},
		{Title: "For other programs", Language: "sh", Text: o.storage.command([]string{"bluefin", "export"},
			"--study-name", o.study, "--trial", strconv.Itoa(t.Number), "--format", "args")},
	}
}

// shellLine writes words for a shell.
func shellLine(words ...string) string {
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// visibleLines makes text visible but for its line ends.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = message.Visible(line)
	}
	return strings.Join(lines, "\n")
}

func paramsJSON(t *trial.Trial) string {
	text, err := pyjson.Marshal(paramsRecord(t.Params))
	if err != nil { // a choice that Optuna could not save either
		return ""
	}
	return visibleLines(string(text))
}

// pythonValue writes the value of a parameter as Python does.
func pythonValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		return strconv.Quote(v)
	case float64:
		if s := strconv.FormatFloat(v, 'g', -1, 64); strings.ContainsAny(s, ".eIN") {
			return pythonFloat(s)
		} else {
			return s + ".0"
		}
	}
	return fmt.Sprint(v)
}

// pythonFloat writes what Python has no literal for.
func pythonFloat(s string) string {
	if strings.ContainsAny(s, "IN") {
		return "float(" + strconv.Quote(s) + ")"
	}
	return s
}

// goValue writes the value of a parameter as Go does.
func goValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case float64:
		s := pythonValue(v)
		return strings.NewReplacer(`float("NaN")`, "math.NaN()", `float("+Inf")`, "math.Inf(1)", `float("-Inf")`,
			"math.Inf(-1)").Replace(s)
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}
