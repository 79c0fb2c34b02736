package searchspace

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
)

// ParseParam reads one parameter of a command line: NAME=LOW..HIGH[:log][:step=S][:near=X[:sigma=S]],
// where both ends of an int are written without a point and good values are believed to be near X, or
// NAME=a,b,c. Nothing in it means anything to a shell.
func ParseParam(text string) (space.Dimension, error) {
	name, spec, ok := strings.Cut(text, "=")
	if !ok {
		return space.Dimension{}, fmt.Errorf("parameter %q: want NAME=LOW..HIGH or NAME=CHOICE,CHOICE, and -- before "+
			"the program", text)
	}
	if spec == "" {
		return space.Dimension{}, fmt.Errorf("parameter %q: want NAME=LOW..HIGH or NAME=CHOICE,CHOICE", text)
	}
	if err := CheckName(name); err != nil {
		return space.Dimension{}, err
	}
	near, sigma := "", ""
	if strings.Contains(spec, "..") {
		spec, near, sigma = cutBelief(spec)
	}
	d, err := ParseDist(spec)
	var b *space.Belief
	if err == nil {
		b, err = parseBelief(near, sigma, d)
	}
	if err != nil {
		return space.Dimension{}, fmt.Errorf("parameter %q: %w", name, err)
	}
	return space.Dimension{Name: name, Dist: d, Belief: b}, nil
}

// CheckName returns an error if no parameter can have this name.
func CheckName(name string) error {
	if err := storage.CheckName("parameter name", name); err != nil {
		return err
	}
	return command.CheckNames([]string{name})
}

// ParseDist reads what follows the name of a parameter.
func ParseDist(spec string) (space.Dist, error) {
	d, err := parseDist(spec)
	if err == nil {
		err = d.Check()
	}
	return d, err
}

func parseDist(spec string) (space.Dist, error) {
	low, rest, ranged := strings.Cut(spec, "..")
	if !ranged {
		return parseChoices(spec)
	}
	parts := strings.Split(rest, ":")
	high, options := parts[0], parts[1:]
	log, step := false, ""
	for _, option := range options {
		switch value, isStep := strings.CutPrefix(option, "step="); {
		case option == "log":
			log = true
		case isStep:
			if x, err := strconv.ParseFloat(value, 64); err != nil || !(x > 0) {
				return nil, fmt.Errorf("step is %q, want a number above 0", value)
			}
			step = value
		default:
			return nil, fmt.Errorf("option is %q, want log, step=S, near=X or sigma=S", option)
		}
	}
	if isInt(low) && isInt(high) && (step == "" || isInt(step)) {
		d := space.Int{Log: log}
		for _, field := range []struct {
			text string
			to   *int
		}{{low, &d.Low}, {high, &d.High}, {step, &d.Step}} {
			if field.text == "" {
				continue
			}
			x, err := strconv.Atoi(field.text)
			if err != nil {
				return nil, fmt.Errorf("%s is too large for an int, want a point in it", field.text)
			}
			*field.to = x
		}
		return d, nil
	}
	d := space.Float{Log: log}
	for _, field := range []struct {
		text string
		to   *float64
	}{{low, &d.Low}, {high, &d.High}, {step, &d.Step}} {
		if field.text == "" && field.to == &d.Step {
			continue
		}
		x, err := strconv.ParseFloat(field.text, 64)
		if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
			return nil, fmt.Errorf("%q is no finite number, want LOW..HIGH", field.text)
		}
		*field.to = x
	}
	return d, nil
}

// otherRange matches ranges as other programs write them.
var otherRange = regexp.MustCompile(`^([+-]?[\d.]+(?:[eE][+-]?\d+)?)(?:-|:|\.\.\.)([+-]?[\d.]+(?:[eE][+-]?\d+)?)$`)

// parseChoices reads what is no range. A slip there would only show in the program, if at all.
func parseChoices(spec string) (space.Dist, error) {
	texts := strings.Split(spec, ",")
	first, last := texts[0], texts[len(texts)-1]
	if m := otherRange.FindStringSubmatch(spec); m != nil {
		return nil, fmt.Errorf("%q is no range, want %s..%s", spec, m[1], m[2])
	}
	for _, pair := range []string{"[]", "()", "{}"} {
		if len(texts) > 1 && strings.Contains(first, pair[:1]) && !strings.Contains(first, pair[1:]) &&
			strings.HasSuffix(last, pair[1:]) {
			return nil, fmt.Errorf("%q has brackets, want LOW..HIGH or CHOICE,CHOICE without them", spec)
		}
	}
	if slices.Contains(texts, "") {
		return nil, fmt.Errorf("%q has an empty choice, want something between the commas", spec)
	}
	return choices(texts), nil
}

func isInt(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	return digits != "" && len(text)-len(digits) <= 1 && strings.Trim(digits, "0123456789") == ""
}

// choices makes ints, floats or truth values of texts that all are such, and texts of others.
func choices(texts []string) space.Dist {
	kinds := []func(string) (any, error){
		func(s string) (any, error) { return strconv.Atoi(s) },
		func(s string) (any, error) { return strconv.ParseFloat(s, 64) },
		func(s string) (any, error) {
			if s != "true" && s != "false" {
				return nil, strconv.ErrSyntax
			}
			return s == "true", nil
		},
		func(s string) (any, error) { return s, nil },
	}
	var values []any
	for _, kind := range kinds {
		values = nil
		if !slices.ContainsFunc(texts, func(s string) bool {
			v, err := kind(s)
			values = append(values, v)
			return err != nil
		}) {
			break
		}
	}
	return space.Categorical{Choices: values}
}
