package searchspace

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
)

// ParseJSON reads a search space as Optuna writes it: a JSON object of distributions by parameter.
// The names keep their order, which samplers see.
func ParseJSON(text string) ([]space.Dimension, error) {
	if text == "" {
		return nil, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return nil, fmt.Errorf("%.200s is not a JSON object: %w", text, cmp.Or(err, errors.New("it is null")))
	}
	d := json.NewDecoder(strings.NewReader(text)) // cannot fail: the text is an object
	_, _ = d.Token()
	var dims []space.Dimension
	for d.More() {
		name, _ := d.Token()
		var raw json.RawMessage
		_ = d.Decode(&raw)
		var err error
		dim := space.Dimension{Name: name.(string)}
		if dim.Dist, err = space.Unmarshal(raw); err == nil {
			err = cmp.Or(storage.CheckName("parameter name", dim.Name), checkChoices(dim.Dist), dim.Dist.Check())
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		// json keeps the last of two members, silently.
		if slices.ContainsFunc(dims, func(d space.Dimension) bool { return d.Name == dim.Name }) {
			return nil, fmt.Errorf("parameter %q is given twice", name)
		}
		dims = append(dims, dim)
	}
	return dims, nil
}

// checkChoices refuses lists and objects, which JSON allows as choices and parameters do not.
func checkChoices(d space.Dist) error {
	list, _ := d.(space.Categorical)
	for i, choice := range list.Choices {
		switch choice.(type) {
		case []any, map[string]any:
			return fmt.Errorf("choice %d is a list or an object, want null, true, false, a number or a string", i)
		}
	}
	return nil
}
