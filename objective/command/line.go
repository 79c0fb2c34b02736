package command

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// A Line is how a trial ran its program, enough to run it again. It is the user attribute
// LineAttr of the trial.
type Line struct {
	Args   []string `json:"args"`             // the program and its arguments, as without a checkpoint
	Dir    string   `json:"dir"`              // working folder
	Env    []string `json:"env,omitempty"`    // Config.Env
	Folder string   `json:"folder,omitempty"` // of the trial
}

// LineAttr is the key of the attribute.
const LineAttr = "command"

// line returns the command line of a trial that starts from its beginning: a checkpoint of an earlier
// run has no place in it.
func (c *Command) line(params map[string]any, places map[string]string, folder string) (Line, error) {
	fresh := maps.Clone(places)
	fresh["last_checkpoint"] = ""
	program := c.cfg.Args[0]
	if strings.ContainsRune(program, filepath.Separator) { // a path within the folder of this process
		program = c.path
	}
	dir := c.cfg.Dir
	if dir == "" {
		dir, _ = os.Getwd() // if it was deleted, nobody can run anything there again
	} else if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	args, err := c.cfg.arguments(params, fresh)
	return Line{append([]string{program}, args...), dir, c.cfg.Env, folder}, err
}
