package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/command/internal/metrics"
)

// Readers returns the names of the readers, in the order in which they are
// preferred: the file that BLUEFIN_REPORTS names; files of the Hugging Face
// trainer, JSON lines files and CSV files in the trial's folder; lines of output
// that Syne Tune tagged, JSON objects, Python dictionaries, and NAME=VALUE or
// NAME: VALUE; Config.Pattern.
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
