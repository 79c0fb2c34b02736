package command

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A Style is how parameters are appended to a command that has no placeholders.
type Style uint8

// The styles.
const (
	Flags  Style = iota // --learning_rate 0.1, or as Equals if the value begins with -
	Equals              // --learning_rate=0.1
	Hydra               // learning_rate=0.1
	None                // not at all: the program reads its environment
)

var styleNames = [...]string{"flags", "equals", "hydra", "none"}

// String returns the name of the style.
func (s Style) String() string { return word(s, styleNames[:], "Style") }

// ParseStyle is the inverse of Style.String.
func ParseStyle(name string) (Style, error) {
	return parseWord[Style](name, styleNames[:], "argument style")
}

// arguments returns the arguments of the program with the parameters in place of their placeholders, or
// appended if there are none and no configuration has them. Parameters that are nil, or that this trial does
// not have, are left out with their flags. An argument that asks to resume comes last.
func (cfg Config) arguments(params map[string]any, places map[string]string) ([]string, error) {
	if cfg.Arguments != nil {
		return cfg.Arguments(params, places)
	}
	var pairs []string
	placed := cfg.Render != ""
	all := names(params)
	for _, name := range cfg.Optional {
		if _, ok := params[name]; !ok {
			all = append(all, name)
		}
	}
	for _, name := range all {
		pairs = append(pairs, "{"+name+"}", Text(params[name]))
		inside := func(a string) bool { return strings.Contains(a, "{"+name+"}") }
		placed = placed || slices.ContainsFunc(cfg.Args[1:], inside)
	}
	for name, value := range places {
		pairs = append(pairs, "{"+name+"}", value)
	}
	replacer := strings.NewReplacer(pairs...)
	var args []string
	for i, a := range cfg.Args[1:] {
		name, before := soleParam(a), cfg.Args[i]
		if params[name] == nil && slices.Contains(all, name) {
			if i > 0 && isFlagOf(before, name) {
				args = args[:len(args)-1]
			}
			continue
		}
		args = append(args, replacer.Replace(a))
	}
	if !placed {
		appended, err := cfg.Style.Arguments(params)
		if err != nil {
			return nil, err
		}
		args = append(args, appended...)
	}
	resume, err := cfg.Resume.arguments(cfg.Style, places["last_checkpoint"])
	return append(args, resume...), err
}

// soleParam returns NAME of an argument {NAME} or --flag={NAME}, or "".
func soleParam(arg string) string {
	if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
		arg = value
	}
	name, ok := strings.CutPrefix(arg, "{")
	if name, closed := strings.CutSuffix(name, "}"); ok && closed {
		return name
	}
	return ""
}

// isFlagOf reports whether an argument is --NAME, also with other dashes. Another flag before a parameter
// is most likely a switch.
func isFlagOf(arg, name string) bool {
	plain := func(s string) string { return strings.ReplaceAll(strings.TrimLeft(s, "-"), "-", "_") }
	return strings.HasPrefix(arg, "-") && plain(arg) == plain(name)
}

// Arguments returns parameters, sorted by name, as arguments in the style. Flags of parameters that
// are nil are left out. The error is about a name or a value that the style cannot have.
func (s Style) Arguments(params map[string]any) ([]string, error) {
	var args []string
	for _, name := range names(params) {
		value := Text(params[name])
		if strings.ContainsRune(name+value, 0) {
			return nil, fmt.Errorf("parameter %q: a NUL character cannot be in an argument", name)
		}
		switch {
		case s == Hydra:
			override, err := hydraOverride(name, params[name])
			if err != nil {
				return nil, err
			}
			args = append(args, override)
		case params[name] == nil || s == None:
		case s == Equals, strings.HasPrefix(value, "-"): // argparse takes -1e-05 for a flag
			args = append(args, "--"+name+"="+value)
		default:
			args = append(args, "--"+name, value)
		}
	}
	return args, nil
}

func names(params map[string]any) []string { return slices.Sorted(maps.Keys(params)) }

// Text writes a value of a parameter as a program gets it: nil is empty, floats read back exactly, lists
// and maps are JSON.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return pyjson.Float(v)
	case int:
		return strconv.Itoa(v)
	case []any, map[string]any:
		if text, err := pyjson.Marshal(v); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}
