package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/trial"
)

// paramsText writes parameters for another program, and returns notes about what that lacks.
// finetuned says that they are settings of bluefin finetune.
func paramsText(format string, params []trial.Param, finetuned bool) (text []byte, notes []string, err error) {
	values := externals(params)
	switch format {
	case "env":
		text, err = envText(params)
	case "hf":
		return trainingArguments(params, finetuned)
	case "hydra":
		text, err = wordsText(command.Hydra.Arguments(values))
	default:
		text, err = wordsText(command.Flags.Arguments(values))
		for _, p := range params {
			if p.External() == nil {
				notes = append(notes, fmt.Sprintf("The flag of %s is left out: its value is null.", p.Name))
			}
		}
	}
	return text, notes, err
}

// wordsText writes arguments as one line for a shell.
func wordsText(args []string, err error) ([]byte, error) {
	return []byte(shellquote.Join(args...) + "\n"), err
}

// envText writes a file for a shell to source. The variables are those that bluefin tune sets.
func envText(params []trial.Param) ([]byte, error) {
	var text bytes.Buffer
	names := map[string]string{}
	for _, p := range params {
		variable, value := command.Variable(p.Name), command.Text(p.External())
		if other, taken := names[variable]; taken {
			return nil, fmt.Errorf("parameters %q and %q would both be the variable %s: want another format",
				other, p.Name, variable)
		}
		names[variable] = p.Name
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("parameter %q: a NUL character cannot be in a variable", p.Name)
		}
		fmt.Fprintf(&text, "export %s=%s\n", variable, shellquote.Join(value))
	}
	return text.Bytes(), nil
}

// externals returns the values of parameters in external form, by name.
func externals(params []trial.Param) map[string]any {
	values := map[string]any{}
	for _, p := range params {
		values[p.Name] = p.External()
	}
	return values
}
