package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/pyyaml"
)

// writeYAML writes a value so that YAML 1.1 and 1.2 parsers read it back with its type and digits.
func writeYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(pyyaml.Node(v)), e.Close()); err != nil {
		return err
	}
	if !bytes.HasSuffix(text.Bytes(), []byte("\n")) { // the encoder omits it after some scalars
		text.WriteByte('\n')
	}
	_, err := text.WriteTo(w)
	return err
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
