package studyfile

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// macro finds a macro of W&B within a word of a command.
var macro = regexp.MustCompile(`\$\{([^}]*)\}`)

// sweepCommand makes the command of a sweep. Macros that do not depend on the trial are replaced now.
func (r *reader) sweepCommand(n node, words []string, program string, f *File) {
	if words == nil {
		words = []string{"${env}", "${interpreter}", "${program}", "${args}"}
	}
	var command []string
	for i, w := range words {
		w = macro.ReplaceAllStringFunc(w, func(m string) string {
			name, isVariable := strings.CutPrefix(m[2:len(m)-1], "envvar:")
			if !isVariable {
				return m
			}
			value, ok := os.LookupEnv(name)
			if !ok {
				r.fail(n, "command has %s, and the environment has no %s", m, name)
			}
			return value
		})
		switch name := macroName(w); {
		case name == "env":
			// Without variables or options to set, env only starts what follows.
			if runtime.GOOS != "windows" && !(i+1 < len(words) && macroName(words[i+1]) == "interpreter") {
				command = append(command, "/usr/bin/env")
			}
		case name == "interpreter":
			command = append(command, interpreter())
		case name == "program" && program == "":
			r.fail(n, "program is missing, and the command has ${program}")
		case name == "program":
			command = append(command, program)
		case name == "" && macro.MatchString(w), name != "" && !slices.Contains(argumentMacros, name):
			r.fail(n, "command has %q, want one of ${env}, ${interpreter}, ${program}, ${envvar:NAME}, ${%s}", short(w),
				strings.Join(argumentMacros, "}, ${"))
		default:
			command = append(command, w)
		}
	}
	if r.err == nil && (len(command) == 0 || macroName(command[0]) != "") {
		r.fail(n, "command has no program")
	}
	if r.err != nil {
		return
	}
	f.Command, f.Args = command, "sweep"
	f.Arguments = macros(command)
}

// macros makes the arguments of a command that has macros in place of its parameters.
func macros(command []string) func(map[string]any, map[string]string) ([]string, error) {
	return func(params map[string]any, places map[string]string) ([]string, error) {
		return expand(command[1:], params, places)
	}
}

// macroName returns the name of a macro that is a word of its own, or "".
func macroName(w string) string {
	if found := macro.FindStringSubmatch(w); found != nil && found[0] == w {
		return found[1]
	}
	return ""
}

// interpreter is what W&B calls python, or python3 where only that exists.
func interpreter() string {
	if _, err := exec.LookPath("python"); err != nil {
		if _, err := exec.LookPath("python3"); err == nil {
			return "python3"
		}
	}
	return "python"
}

// argumentMacros stand for the parameters.
var argumentMacros = []string{"args", "args_no_equals", "args_no_hyphens", "args_no_boolean_flags", "args_append_hydra",
	"args_override_hydra", "args_json", "args_json_file"}

// expand replaces the macros that stand for the parameters. W&B writes values as Python does.
func expand(words []string, params map[string]any, places map[string]string) (args []string, err error) {
	for _, w := range words {
		name := macroName(w)
		switch name {
		case "":
			args = append(args, w)
			continue
		case "args_json":
			text, err := pyjson.Marshal(params)
			if err != nil {
				return nil, err
			}
			args = append(args, string(text))
			continue
		case "args_json_file":
			if places["params_file"] == "" {
				return nil, fmt.Errorf("${args_json_file} needs a folder for trials")
			}
			args = append(args, places["params_file"])
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(params)) {
			value := python(params[key], false)
			if strings.ContainsRune(key+value, 0) {
				return nil, fmt.Errorf("parameter %q: a NUL character cannot be in an argument", key)
			}
			on, isBool := params[key].(bool)
			switch {
			case name == "args_no_equals":
				args = append(args, "--"+key, value)
			case name == "args_no_hyphens":
				args = append(args, key+"="+value)
			case name == "args_append_hydra":
				args = append(args, "+"+key+"="+value)
			case name == "args_override_hydra":
				args = append(args, "++"+key+"="+value)
			case name == "args_no_boolean_flags" && isBool:
				if on {
					args = append(args, "--"+key)
				}
			default:
				args = append(args, "--"+key+"="+value)
			}
		}
	}
	return args, nil
}

// python writes a value as Python's str does, or repr within lists.
func python(v any, within bool) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case float64:
		return strings.ToLower(strings.Replace(pyjson.Float(v), "Infinity", "inf", 1))
	case string:
		if !within {
			return v
		}
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`).Replace(v) + "'"
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, python(e, true))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case map[string]any:
		var all []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, python(key, true)+": "+python(v[key], true))
		}
		return "{" + strings.Join(all, ", ") + "}"
	}
	return fmt.Sprint(v)
}
