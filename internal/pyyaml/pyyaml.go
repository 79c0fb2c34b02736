// Package pyyaml makes YAML that parsers of version 1.1, such as PyYAML, and of 1.2 read as the same
// values: with their types and all digits.
package pyyaml

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// Node converts nil, bool, int, float64, string, and lists and maps of them. A pyjson.Object keeps its
// order; maps are sorted by name. Anything else becomes its text.
func Node(v any) *yaml.Node {
	switch v := v.(type) {
	case nil:
		return scalar("!!null", "null")
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case int:
		return scalar("!!int", strconv.Itoa(v))
	case float64:
		return scalar("!!float", float(v))
	case string:
		return text(v)
	case []any:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, e := range v {
			list.Content = append(list.Content, Node(e))
		}
		return list
	case map[string]any:
		object := Mapping()
		for _, name := range slices.Sorted(maps.Keys(v)) {
			object.Content = append(object.Content, text(name), Node(v[name]))
		}
		return object
	case pyjson.Object:
		object := Mapping()
		for _, m := range v {
			object.Content = append(object.Content, text(m.Name), Node(m.Value))
		}
		return object
	}
	return text(fmt.Sprint(v))
}

// Mapping returns a mapping without keys.
func Mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// float always has a point: YAML 1.1 takes 1e-05 for a string and 1 for an int.
func float(x float64) string {
	switch {
	case math.IsNaN(x):
		return ".nan"
	case math.IsInf(x, 1):
		return ".inf"
	case math.IsInf(x, -1):
		return "-.inf"
	}
	digits, exponent, ok := strings.Cut(pyjson.Float(x), "e")
	if !ok {
		return digits
	}
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	return digits + "e" + exponent
}

var (
	plain = regexp.MustCompile(`^[A-Za-z_][\w./-]*$`)
	word  = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null|nan|inf)$`) // not text to some parsers
)

// text quotes what is not plainly text.
func text(s string) *yaml.Node {
	node := scalar("!!str", s)
	if !plain.MatchString(s) || word.MatchString(s) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}
