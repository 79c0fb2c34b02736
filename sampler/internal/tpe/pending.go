package tpe

import (
	"encoding/json"
	"fmt"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/trial"
)

// pendingKey is the system attribute in which an Optuna worker publishes what
// it has drawn jointly for a running trial, before the objective asks for it:
// chunks, numbered from 0, of a JSON object of external values.
const pendingKey = "tpe:relative_params:%d"

// observePending is observe for a running trial, whose parameters may so far
// be known only from what it has drawn together, or its worker has published.
func (m *model) observePending(t *trial.Trial) []float64 {
	x := make([]float64, len(m.space))
	published := readPublished(t)
	missing := 0
	for i, d := range m.space {
		if value, ok := t.Drawn(d.Name); ok {
			if !m.setCoordinate(x, i, value) {
				return nil
			}
			continue
		}
		v, ok := published[d.Name]
		if !ok {
			x[i] = parzen.Missing
			missing++
			continue
		}
		value, err := d.Dist.Internal(v)
		if err != nil || !m.setCoordinate(x, i, value) {
			return nil
		}
	}
	if missing == len(x) || missing > 0 && !m.rules.whole {
		return nil
	}
	return x
}

// readPublished returns what the worker of t has published, nil if there is
// nothing or nothing that can be read.
func readPublished(t *trial.Trial) map[string]any {
	var text []byte
	for i := 0; ; i++ {
		attr, ok := t.SystemAttrs[fmt.Sprintf(pendingKey, i)]
		if !ok {
			break
		}
		var chunk string
		if err := json.Unmarshal(attr, &chunk); err != nil {
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
