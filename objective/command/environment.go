package command

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// placeNames are what placeholders stand for besides parameters.
var placeNames = []string{"trial_dir", "trial_number", "last_checkpoint", "repetition", "params_file", "config"}

// CheckNames returns an error if parameters cannot have these names: a placeholder has one of them,
// or two have the same variable in the environment.
func CheckNames(params []string) error {
	owners := map[string]string{}
	for _, name := range params {
		if slices.Contains(placeNames, name) {
			return fmt.Errorf("parameter %q: {%s} has another meaning, want another name", name, name)
		}
		key := variable(name)
		if other, ok := owners[key]; ok && other != name {
			return fmt.Errorf("parameters %q and %q: both are %s in the environment, "+
				"want names that differ in a letter or digit", other, name, Variable(name))
		}
		owners[key] = name
	}
	return nil
}

// Variable returns the name of the environment variable that has a parameter: BLUEFIN_PARAM_ and the
// name in capitals, with _ for everything but letters and digits.
func Variable(name string) string { return "BLUEFIN_PARAM_" + variable(name) }

func variable(name string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name))
}

// environment returns the variables that tell a program its parameters.
func environment(params map[string]any, places map[string]string, paramsFile string) []string {
	env := []string{
		"BLUEFIN_TRIAL_NUMBER=" + places["trial_number"],
		"BLUEFIN_TRIAL_DIR=" + places["trial_dir"],
		"BLUEFIN_REPETITION=" + cmp.Or(places["repetition"], "0"),
		"BLUEFIN_PARAMS=" + paramsFile,
		"PYTHONUNBUFFERED=1", // else a pipe gets its lines late
	}
	for _, name := range names(params) {
		assignment := variable(name) + "=" + Text(params[name])
		env = append(env, "BLUEFIN_PARAM_"+assignment, "KUBEFLOW_TRAINER_OPT_"+assignment)
	}
	if places["last_checkpoint"] != "" {
		env = append(env, "BLUEFIN_RESUME=1", "BLUEFIN_LAST_CHECKPOINT="+places["last_checkpoint"])
	}
	return env
}
