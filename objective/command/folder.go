package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study"
)

// Files in a trial's folder.
const (
	paramsName = "params.json"
	outputName = "output.log"
	tokenName  = "process" // names the processes of the trial

	renderedName = "rendered" // and the extension of Config.Render
)

// folder makes the folder of a trial and returns what placeholders stand for.
func (c *Command) folder(t *study.Trial) (folder string, places map[string]string, err error) {
	number := t.Number()
	places = map[string]string{"trial_number": strconv.Itoa(number), "trial_dir": "", "last_checkpoint": "",
		"params_file": "", "repetition": strconv.Itoa(t.Repetition())}
	if c.cfg.Folder == "" {
		return "", places, nil
	}
	folder = filepath.Join(c.cfg.Folder, strconv.Itoa(number))
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", nil, err
	}
	places["trial_dir"], places["last_checkpoint"] = folder, c.cfg.Resume.checkpoint(folder)
	places["params_file"] = filepath.Join(folder, paramsName)
	return folder, places, nil
}

// render writes the trial's configuration, {config}.
func (c *Command) render(params map[string]any, folder string, places map[string]string) error {
	if c.template == nil {
		return nil
	}
	text, added, err := c.template.render(params)
	if err != nil {
		return fmt.Errorf("configuration %q: %w", c.cfg.Render, err)
	}
	c.mu.Lock()
	for _, name := range added {
		if !c.added[name] {
			c.added[name] = true
			c.cfg.Logger.Warn("the configuration has no such key: it is added", "file", c.cfg.Render, "key", name)
		}
	}
	c.mu.Unlock()
	places["config"] = filepath.Join(folder, renderedName+c.template.extension)
	return os.WriteFile(places["config"], text, 0o666)
}

// prepare ends what an earlier run of the trial has left, and writes the files
// that the new one needs. Without a folder the parameters go to no file.
func prepare(folder string, params map[string]any, token string) (paramsFile string, log *os.File, err error) {
	if folder == "" {
		return "", nil, nil
	}
	if old, err := os.ReadFile(filepath.Join(folder, tokenName)); err == nil {
		(&group{token: string(old)}).end(0, nil)
	}
	text, err := pyjson.Marshal(params)
	if err != nil {
		return "", nil, err
	}
	paramsFile = filepath.Join(folder, paramsName)
	if err := os.WriteFile(paramsFile, append(pyjson.Standard(text), '\n'), 0o666); err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, tokenName), []byte(token), 0o666); err != nil {
		return "", nil, err
	}
	log, err = os.OpenFile(filepath.Join(folder, outputName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	return paramsFile, log, err
}
