package command

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyyaml"
)

// A script that uses W&B gets its parameters as from a W&B sweep, without an account or the network:
// wandb.init reads them from the file that WANDB_SWEEP_PARAM_PATH names, and with WANDB_MODE=offline
// writes the run into WANDB_DIR.

const wandbName = "wandb-params.yaml"

const largestScript = 1 << 20 // bytes of a file that is searched for a mention of W&B

// mentionsWandB reports whether the command, a script in it, or another one beside that mentions W&B,
// or a variable of W&B is set for it.
func (cfg Config) mentionsWandB() bool {
	mentions := func(path string) bool {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() > largestScript {
			return false
		}
		text, err := os.ReadFile(path)
		return err == nil && bytes.Contains(text, []byte("wandb"))
	}
	isSet := func(v string) bool { return strings.HasPrefix(v, "WANDB_") }
	if slices.ContainsFunc(cfg.Env, isSet) {
		return true
	}
	for i, arg := range cfg.Args {
		if strings.Contains(arg, "wandb") {
			return true
		}
		if cfg.Args[max(0, i-1)] == "-m" { // a Python module
			arg = strings.ReplaceAll(arg, ".", string(filepath.Separator)) + ".py"
		}
		path := arg
		if !filepath.IsAbs(path) {
			path = filepath.Join(cfg.Dir, path)
		}
		if mentions(path) {
			return true
		}
		if filepath.Ext(path) == ".py" {
			beside, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.py"))
			if slices.ContainsFunc(beside, mentions) {
				return true
			}
		}
	}
	return false
}

// wandbConfig returns parameters in the form of W&B's configuration files. One whose name has dots is
// there under its name and, as the nested parameters of a sweep, in a mapping.
func wandbConfig(params map[string]any) *yaml.Node {
	root := pyyaml.Mapping()
	put := func(v any, path ...string) {
		_, _ = setYAML(root, path, pyyaml.Node(v)) // no mapping, if another parameter has its name
	}
	put(1, "wandb_version")
	for _, name := range names(params) {
		if first, rest, ok := strings.Cut(name, "."); ok {
			put(params[name], append([]string{first, "value"}, strings.Split(rest, ".")...)...)
		}
		root.Content = append(root.Content, pyyaml.Node(name), pyyaml.Node(map[string]any{"value": params[name]}))
	}
	return root
}

// wandb returns the variables for W&B, without those that the user has set, and writes the file of
// parameters.
func (c *Command) wandb(params map[string]any, folder string, set []string) ([]string, error) {
	if !c.usesWandB || folder == "" {
		return nil, nil
	}
	path := filepath.Join(folder, wandbName)
	text, err := yaml.Marshal(wandbConfig(params))
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	var env []string
	for _, v := range []string{
		"WANDB_SWEEP_PARAM_PATH=" + path,
		"WANDB_MODE=offline",
		"WANDB_DIR=" + folder,
		"WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL=1", // else the metric comes every 15 s
	} {
		name := v[:strings.IndexByte(v, '=')+1]
		if !slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, name) }) {
			env = append(env, v)
		}
	}
	return env, err
}
