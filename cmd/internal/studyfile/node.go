package studyfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A reader reads nodes of a YAML file. The first mistake is kept, with its line; later calls return zero
// values.
type reader struct {
	path string
	err  error
	left int // how many nodes may still be read: aliases of aliases grow exponentially
}

const (
	mostNodes  = 100_000
	mostLevels = 100
)

// A node is a value in the file.
type node struct {
	*yaml.Node
	key string // its name in messages, such as budget.trials
}

func (r *reader) fail(n node, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d: %s", r.path, n.Line, oneLine(fmt.Sprintf(format, args...)))
	}
}

// oneLine shows what would end a line in names from the file.
func oneLine(text string) string { return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(text) }

// wrong says what a key is and what it should be.
func (r *reader) wrong(n node, want string) { r.fail(n, "%s is %s, want %s", n.key, shown(n), want) }

// shown is a value as messages show it.
func shown(n node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!str" {
		return strconv.Quote(short(n.Value))
	}
	if n.Value == "" {
		return "empty"
	}
	return short(n.Value)
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 100 {
		return string(runes[:100]) + "…"
	}
	return text
}

// visit counts a node, and follows an alias to what it stands for.
func (r *reader) visit(n node) node {
	if r.left--; r.left < 0 {
		r.fail(n, "the file has more than %d values", mostNodes)
	}
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = node{n.Alias, n.key}
	}
	return n
}

// A field reads the value of a key.
type field = func(n node)

// object reads a mapping. Keys that are not among the fields are mistakes.
func (r *reader) object(n node, fields map[string]field) {
	seen := map[string]bool{}
	r.each(n, 0, func(key string, at, value node) {
		read, ok := fields[key]
		switch {
		case !ok:
			r.fail(at, "unknown key %q, want one of %s", short(key), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case !seen[key]:
			seen[key] = true
			read(value)
		}
	})
}

// each calls f for each key of a mapping, in order, those of merged mappings last. A key that is there
// twice is a mistake.
func (r *reader) each(n node, level int, f func(key string, at, value node)) {
	if n = r.visit(n); r.err != nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "a mapping")
		return
	}
	if level > mostLevels {
		r.fail(n, "mappings are merged more than %d levels deep", mostLevels)
		return
	}
	seen := map[string]bool{}
	var merged []node
	for i := 0; i+1 < len(n.Content) && r.err == nil; i += 2 {
		at := node{n.Content[i], n.key}
		value := node{n.Content[i+1], n.Content[i].Value}
		if n.key != "" {
			value.key = n.key + "." + value.key
		}
		switch {
		case at.ShortTag() == "!!merge":
			merged = append(merged, node{value.Node, n.key})
		case at.Kind != yaml.ScalarNode:
			r.fail(at, "a key is %s, want text", shown(at))
		case seen[at.Value]:
			r.fail(at, "key %q is there twice", short(at.Value))
		default:
			seen[at.Value] = true
			f(at.Value, at, value)
		}
	}
	for _, m := range merged {
		if m = r.visit(m); m.Kind == yaml.SequenceNode {
			for _, e := range m.Content {
				r.each(node{e, n.key}, level+1, f)
			}
			continue
		}
		r.each(m, level+1, f)
	}
}

// list calls f for each element of a list.
func (r *reader) list(n node, f func(i int, e node)) {
	if n = r.visit(n); r.err != nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "a list")
		return
	}
	for i, e := range n.Content {
		if r.err == nil {
			f(i, r.visit(node{e, fmt.Sprintf("%s[%d]", n.key, i)}))
		}
	}
}

// sentence lists words.
func sentence(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
