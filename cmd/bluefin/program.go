package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/space"
)

// splitCommand returns the parameters before "--" and the program after it. With a file, both may
// be missing. @FILE is a search space as Optuna writes it.
func splitCommand(args []string, withFile bool) (params []space.Dimension, program []string, err error) {
	isParam := func(arg string) bool { return strings.Contains(arg, "=") || strings.HasPrefix(arg, "@") }
	i := slices.Index(args, "--")
	switch {
	case i >= 0:
		params, err = searchArguments(args[:i])
		program = args[i+1:]
	case len(args) > 0 && isParam(args[0]):
		params, err = searchArguments(args)
	default: // the parser has taken the "--"
		program = args
	}
	switch {
	case err != nil:
		return nil, nil, err
	case len(program) == 0 && !withFile:
		return nil, nil, usagef("the program is missing, want PARAMETER… -- PROGRAM")
	case len(params) == 0 && !withFile && i < 0 && len(program) == 1 && isYAML(program[0]):
		return nil, nil, usagef("the parameters are missing, want -f %s if they are in that file", program[0])
	case len(params) == 0 && !withFile:
		return nil, nil, usagef("the parameters are missing, want PARAMETER… -- PROGRAM")
	}
	return params, program, nil
}

func isYAML(path string) bool {
	return slices.Contains([]string{".yaml", ".yml"}, strings.ToLower(filepath.Ext(path)))
}

// searchArguments reads parameters and files of them.
func searchArguments(args []string) (params []space.Dimension, err error) {
	for _, text := range args {
		if strings.HasPrefix(text, "-") {
			return nil, usagef("flag %s comes after a parameter, want flags first", text)
		}
		var some []space.Dimension
		if path, isFile := strings.CutPrefix(text, "@"); isFile {
			some, err = spaceFile(path)
		} else {
			some = make([]space.Dimension, 1)
			some[0], err = searchspace.ParseParam(text)
		}
		if err != nil {
			return nil, usagef("%w", err)
		}
		for _, d := range some {
			if slices.ContainsFunc(params, func(p space.Dimension) bool { return p.Name == d.Name }) {
				return nil, usagef("parameter %q occurs twice", d.Name)
			}
			params = append(params, d)
		}
	}
	return params, nil
}

// spaceFile reads a search space from a JSON file.
func spaceFile(path string) ([]space.Dimension, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dims, err := searchspace.ParseJSON(strings.TrimPrefix(string(text), "\ufeff"))
	if err == nil && len(dims) == 0 {
		err = errors.New("it has no parameters")
	}
	for _, d := range dims {
		err = cmp.Or(err, searchspace.CheckName(d.Name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return dims, nil
}

// programName returns the name of the script among the arguments, or of the program.
func programName(program []string) string {
	name := program[0]
	for _, arg := range program[1:] {
		if strings.Contains("|.py|.sh|.R|.jl|.lua|.pl|.rb|.js|.ts|", "|"+filepath.Ext(arg)+"|") && filepath.Ext(arg) != "" {
			name = arg
			break
		}
	}
	base := filepath.Base(name)
	return cmp.Or(strings.TrimSuffix(base, filepath.Ext(base)), base)
}
