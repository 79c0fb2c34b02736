package studyfile

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// scalar returns nil, a bool, an int, a float64 or a string.
func (r *reader) scalar(n node) any {
	if n = r.visit(n); r.err != nil {
		return nil
	}
	var v any
	if n.Kind != yaml.ScalarNode || n.Decode(&v) != nil {
		r.wrong(n, "null, true, false, a number or a text")
		return nil
	}
	switch v.(type) {
	case nil, bool, int, float64, string:
		return v
	case int64, uint64:
		r.wrong(n, "a number within the range of an int, or with a point in it")
		return nil
	}
	return n.Value // such as a date
}

// value returns any value: a scalar, a []any or a map[string]any.
func (r *reader) value(n node, level int) any {
	n = r.visit(n)
	switch {
	case level > mostLevels:
		r.fail(n, "%s has more than %d levels", n.key, mostLevels)
	case r.err != nil:
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		r.list(n, func(_ int, e node) { list = append(list, r.value(e, level+1)) })
		return list
	case n.Kind == yaml.MappingNode:
		object := map[string]any{}
		r.each(n, 0, func(key string, _, e node) {
			if _, ok := object[key]; !ok {
				object[key] = r.value(e, level+1)
			}
		})
		return object
	default:
		return r.scalar(n)
	}
	return nil
}

// text returns a scalar as it is written.
func (r *reader) text(n node) string {
	if n = r.visit(n); r.err == nil && (n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null") {
		r.wrong(n, "a text")
	}
	if r.err != nil {
		return ""
	}
	if strings.ContainsRune(n.Value, 0) {
		r.fail(n, "%s has a NUL character", n.key)
	}
	return n.Value
}

// name is a text that is not empty.
func (r *reader) name(n node) string {
	text := r.text(n)
	if text == "" {
		r.fail(n, "%s is empty", n.key)
	}
	return text
}

// names reads one name or a list of them.
func (r *reader) names(n node) (all []string) {
	if n = r.visit(n); n.Kind != yaml.SequenceNode {
		return []string{r.name(n)}
	}
	r.list(n, func(_ int, e node) { all = append(all, r.name(e)) })
	return all
}

func (r *reader) word(n node, allowed ...string) string {
	text := r.text(n)
	if !slices.Contains(allowed, text) {
		r.wrong(n, "one of "+strings.Join(allowed, ", "))
	}
	return text
}

func (r *reader) bool(n node) bool {
	b, ok := r.scalar(n).(bool)
	if !ok {
		r.wrong(n, "true or false")
	}
	return b
}

func (r *reader) int(n node, low int) int {
	x, ok := r.scalar(n).(int)
	if !ok || x < low || x > math.MaxInt32 {
		r.wrong(n, fmt.Sprintf("a whole number of at least %d", low))
	}
	return x
}

func (r *reader) number(n node) float64 {
	switch x := r.scalar(n).(type) {
	case int:
		return float64(x)
	case float64:
		if !math.IsInf(x, 0) && !math.IsNaN(x) {
			return x
		}
	}
	r.wrong(n, "a finite number")
	return 0
}

// duration reads 90s, 10m or 2h30m.
func (r *reader) duration(n node) time.Duration {
	text := r.text(n)
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.wrong(n, "a time above 0, like 90s, 10m or 2h30m")
	}
	return d
}
