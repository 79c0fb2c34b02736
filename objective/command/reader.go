package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
)

// Readers returns the names of the readers, in the order in which they are preferred: the file that
// BLUEFIN_REPORTS names; Config.Pattern; then what libraries write to the trial's folder or print, exact
// numbers first.
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
