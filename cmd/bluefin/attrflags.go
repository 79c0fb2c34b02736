package main

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
)

// parseAttrs reads the values of --user-attr, KEY=JSON.
func parseAttrs(flags []string) (attrs map[string]json.RawMessage, err error) {
	for _, text := range flags {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usagef("--user-attr is %q, want KEY=JSON", text)
		}
		if err := storage.CheckName("attribute key", key); err != nil {
			return nil, usagef("--user-attr: %w", err)
		}
		if _, twice := attrs[key]; twice {
			return nil, usagef("--user-attr has %q twice", key)
		}
		v, err := pyjson.Unmarshal([]byte(value))
		if err != nil {
			quoted, _ := pyjson.Marshal(value) // a string always marshals
			return nil, usagef("--user-attr is %q, want JSON after %s=, such as %s", text, key,
				shellWord(key+"="+string(quoted)))
		}
		if attrs == nil {
			attrs = map[string]json.RawMessage{}
		}
		if attrs[key], err = pyjson.Marshal(v); err != nil {
			return nil, usagef("--user-attr %q: %w", key, err)
		}
	}
	return attrs, nil
}

// parseConstraints reads the values of --constraint, NAME=VALUE.
func parseConstraints(flags []string) (constraints map[string]float64, err error) {
	for _, text := range flags {
		i := strings.LastIndexByte(text, '=') // a name may be "a=b", a number has no =
		if i < 0 {
			return nil, usagef("--constraint is %q, want NAME=VALUE", text)
		}
		name := text[:i]
		if err := storage.CheckName("constraint name", name); err != nil {
			return nil, usagef("--constraint: %w", err)
		}
		x, err := strconv.ParseFloat(text[i+1:], 64)
		if err != nil || math.IsNaN(x) {
			return nil, usagef("--constraint is %q, want a number after %s=", text, name)
		}
		if _, twice := constraints[name]; twice {
			return nil, usagef("--constraint has %q twice", name)
		}
		if constraints == nil {
			constraints = map[string]float64{}
		}
		constraints[name] = x
	}
	return constraints, nil
}
