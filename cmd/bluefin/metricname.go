package main

import (
	"regexp"

	"github.com/bluefin-hpo/bluefin/trial"
)

// larger finds names of metrics that are better the larger they are.
var larger = regexp.MustCompile(`(?i)(^|[^a-z])(acc|accuracy|auc|auroc|f1|precision|recall|bleu|rouge\w*|map\w*|` +
	`r2|score|reward|dice|iou|mcc|pearson\w*|spearman\w*)($|[^a-z])`)

// metricDirection reads --direction: minimize, maximize, or auto, which goes by the name of the metric.
func metricDirection(con console, metric, direction string) trial.Direction {
	switch {
	case direction == "maximize":
		return trial.Maximize
	case direction == "auto" && larger.MatchString(metric):
		con.logf("Maximizing %s, by its name (--direction minimize for the opposite).", metric)
		return trial.Maximize
	}
	return trial.Minimize
}
