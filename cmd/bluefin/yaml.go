package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// writeYAML writes a value so that YAML 1.1 and 1.2 parsers read it back with its type and digits.
func writeYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(yamlNode(v)), e.Close()); err != nil {
		return err
	}
	if !bytes.HasSuffix(text.Bytes(), []byte("\n")) { // the encoder omits it after some scalars
		text.WriteByte('\n')
	}
	_, err := text.WriteTo(w)
	return err
}

// yamlNode converts a value. Objects keep their order; maps are sorted by name.
func yamlNode(v any) *yaml.Node {
	switch v := v.(type) {
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatBool(v)}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.Itoa(v)}
	case float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: yamlFloat(v)}
	case string:
		return yamlString(v)
	case tuple:
		return yamlNode([]any(v))
	case []any:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, e := range v {
			list.Content = append(list.Content, yamlNode(e))
		}
		return list
	case map[string]any:
		return yamlNode(objectOf(v))
	case record:
		object := &yaml.Node{Kind: yaml.MappingNode}
		for _, m := range v {
			object.Content = append(object.Content, yamlString(m.Name), yamlNode(m.Value))
		}
		return object
	}
	return yamlString(fmt.Sprint(v))
}

// yamlFloat always has a point: YAML 1.1, which PyYAML reads, takes 1e-05 for a string and 1 for an int.
func yamlFloat(x float64) string {
	switch {
	case math.IsNaN(x):
		return ".nan"
	case math.IsInf(x, 0):
		return map[bool]string{true: ".inf", false: "-.inf"}[x > 0]
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
	yamlPlain = regexp.MustCompile(`^[A-Za-z_][\w./-]*$`)
	yamlWord  = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null|nan|inf)$`)
)

func yamlString(s string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !yamlPlain.MatchString(s) || yamlWord.MatchString(s) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

// sorted returns a value with the names of all objects in it sorted.
func sorted(v any) any {
	switch v := v.(type) {
	case tuple:
		return sorted([]any(v))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = sorted(v[i])
		}
		return list
	case map[string]any:
		m := maps.Clone(v)
		for name := range m {
			m[name] = sorted(m[name])
		}
		return m
	case record:
		r := make(record, len(v))
		for i, m := range v {
			r[i] = pyjson.Member{Name: m.Name, Value: sorted(m.Value)}
		}
		slices.SortFunc(r, func(a, b pyjson.Member) int { return strings.Compare(a.Name, b.Name) })
		return r
	}
	return v
}
