package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
)

// Readers returns the names of the readers in order of preference: the file that BLUEFIN_REPORTS
// names; Config.Pattern; then what libraries write to the trial's folder or print, exact numbers
// first.
func Readers() []string { return metrics.Names() }

// sources returns where the metric is looked for.
func (cfg Config) sources() []*metrics.Source {
	all := metrics.Sources(cfg.names(), cfg.Pattern)
	if cfg.Reader != "" {
		all = slices.DeleteFunc(all, func(s *metrics.Source) bool { return s.Name != cfg.Reader })
	}
	return all
}

func checkReader(name string) error {
	if !slices.Contains(Readers(), name) {
		return fmt.Errorf("reader is %q, want one of %s", name, strings.Join(Readers(), ", "))
	}
	return nil
}

// sourceName is the file in Config.Folder that names the source of the metric.
const sourceName = "metric-source"

// A chosen is the source of the metric.
type chosen struct {
	source string // "": none yet
	named  bool   // in the log of this process
}

// recall reads which source earlier searches used.
func (c *Command) recall() {
	text, _ := os.ReadFile(filepath.Join(c.cfg.Folder, sourceName)) // most often there is none
	c.chosen.source = strings.TrimSpace(string(text))
}

// source returns the source that earlier trials used, or "" if there is none or it is now excluded.
func (c *Command) source() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.reads(c.chosen.source) {
		return c.chosen.source
	}
	return ""
}

// reads reports whether a source is among those where the metric is looked for.
func (cfg Config) reads(source string) bool {
	return slices.ContainsFunc(cfg.sources(), func(s *metrics.Source) bool { return s.Name == source })
}

// choose remembers the source for later trials and logs it.
func (c *Command) choose(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chosen == (chosen{name, true}) {
		return
	}
	switch metric := c.cfg.Metrics[0].Name; c.chosen.source {
	case "":
		c.cfg.Logger.Info("found the metric", "metric", metric, "source", name)
	case name:
		c.cfg.Logger.Info("found the metric where earlier trials had it", "metric", metric, "source", name)
	default:
		c.cfg.Logger.Warn("the metric is not where earlier trials had it", "metric", metric, "source", name,
			"before", c.chosen.source)
		if c.cfg.reads(c.chosen.source) { // later trials may have it there again
			return
		}
	}
	c.chosen = chosen{name, true}
	if c.cfg.Folder != "" { // if this fails, the next search just chooses again
		_ = os.WriteFile(filepath.Join(c.cfg.Folder, sourceName), []byte(name+"\n"), 0o666)
	}
}
