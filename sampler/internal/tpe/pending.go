package tpe

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// pendingKey is the system attribute in which an Optuna worker announces the joint draw of a
// running trial before the objective asks for it: chunks, numbered from 0, of a JSON object of
// external values.
const pendingKey = "tpe:relative_params:%d"

// observePending returns the point of a running trial. It includes parameters that the trial has
// drawn jointly, or its Optuna worker has announced, but the objective has not asked for yet.
func (m *model) observePending(t *trial.Trial) []float64 {
	published := readPublished(t)
	return m.point(func(d space.Dimension) (float64, bool) {
		if x, ok := t.Drawn(d.Name); ok {
			return x, true
		}
		v, ok := published[d.Name]
		if !ok {
			return 0, false
		}
		x, err := d.Dist.Internal(v)
		if err != nil {
			x = math.NaN() // in no range
		}
		return x, true
	})
}

// readPublished returns what the worker of t has announced, nil if there is nothing or it cannot
// be read.
func readPublished(t *trial.Trial) map[string]any {
	var text []byte
	// Optuna cuts the text because its attributes have a limited length.
	for i := 0; ; i++ {
		attr, ok := t.SystemAttrs[fmt.Sprintf(pendingKey, i)]
		if !ok {
			break
		}
		var chunk string
		if err := json.Unmarshal(attr, &chunk); err != nil {
			// Another program's text; without it the trial still counts by what it has asked for.
			return nil
		}
		text = append(text, chunk...)
	}
	if text == nil {
		return nil
	}
	v, err := pyjson.Unmarshal(text)
	if err != nil {
		return nil
	}
	params, _ := v.(map[string]any)
	return params
}
