package choose

import (
	"encoding/json"
	"fmt"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
)

// PrunerKey is the user attribute of a study that names its pruner, as PrunerText reads it, for all
// programs that report its trials.
const PrunerKey = "bluefin:pruner"

// StudyPruner returns the pruner that the attribute names, nil for none, or Optuna's default; with several
// objectives that is none.
func StudyPruner(record storage.Study) (pruner.Pruner, error) {
	text := "median"
	if len(record.Directions) > 1 {
		text = "none"
	}
	if attr, ok := record.UserAttrs[PrunerKey]; ok {
		if err := json.Unmarshal(attr, &text); err != nil {
			return nil, fmt.Errorf("attribute %s of study %q is %.200q, want the name of a pruner", PrunerKey, record.Name, attr)
		}
	}
	name, settings, err := PrunerText(text)
	if err == nil {
		var p pruner.Pruner
		if p, err = Pruner(name, settings, record.Name); err == nil {
			p, err = ForObjectives(p, name, settings, outline.ValueNames(len(record.Directions)))
		}
		if err == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("attribute %s of study %q: %w", PrunerKey, record.Name, err)
}
