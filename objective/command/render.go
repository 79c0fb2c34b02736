package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A template is a program's configuration, of which each trial gets a copy with its parameters.
type template struct {
	extension string // .yaml, .yml, .json or .toml
	text      []byte
}

// newTemplate reads a configuration, once: all trials of a search start from the same one.
func newTemplate(path string) (*template, error) {
	t := &template{extension: strings.ToLower(filepath.Ext(path))}
	if !slices.Contains([]string{".yaml", ".yml", ".json", ".toml"}, t.extension) {
		return nil, fmt.Errorf("configuration %q: want a file named .yaml, .yml, .json or .toml", path)
	}
	var err error
	if t.text, err = os.ReadFile(path); err == nil {
		_, _, err = t.render(nil)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration %q: %w", path, err)
	}
	return t, nil
}

// render returns a copy with the parameters, and the names of those that are new in it.
func (t *template) render(params map[string]any) (text []byte, added []string, err error) {
	switch t.extension {
	case ".json":
		return t.renderTree(params, func(text []byte, tree *map[string]any) error {
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber()
			if err := d.Decode(tree); err != nil {
				return err
			}
			if _, err := d.Token(); err != io.EOF {
				return errors.New("there is something after the object")
			}
			return nil
		}, func(w io.Writer, tree map[string]any) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(tree)
		})
	case ".toml":
		return t.renderTree(params, func(text []byte, tree *map[string]any) error {
			return toml.Unmarshal(text, tree)
		}, func(w io.Writer, tree map[string]any) error { return toml.NewEncoder(w).Encode(tree) })
	}
	return t.renderYAML(params)
}

// renderTree renders a format whose comments and order are not kept.
func (t *template) renderTree(params map[string]any, decode func([]byte, *map[string]any) error,
	encode func(io.Writer, map[string]any) error) (text []byte, added []string, err error) {
	var tree map[string]any
	if err := decode(t.text, &tree); err != nil {
		return nil, nil, err
	}
	if tree == nil && t.extension == ".json" {
		return nil, nil, errors.New("it is null, want an object")
	}
	for _, name := range names(params) {
		value := params[name]
		if x, ok := value.(float64); ok && t.extension == ".json" {
			value = json.RawMessage(pyjson.Float(x)) // 1.0, not 1
		}
		if value == nil && t.extension == ".toml" { // it has no null: the program takes its default
			value = deleted{}
		}
		isNew, err := setTree(tree, strings.Split(name, "."), value)
		if err != nil {
			return nil, nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		if isNew {
			added = append(added, name)
		}
	}
	var b bytes.Buffer
	err = encode(&b, tree)
	return b.Bytes(), added, err
}

// deleted is the value of a key that is removed.
type deleted struct{}

// setTree sets the value at a path below an object or a list, and reports whether it is new. A key
// with dots comes before a path.
func setTree(node any, path []string, value any) (added bool, err error) {
	switch node := node.(type) {
	case map[string]any:
		for i := len(path); i > 0; i-- {
			key := strings.Join(path[:i], ".")
			child, ok := node[key]
			switch {
			case i == len(path) && ok:
				if node[key] = value; value == (deleted{}) {
					delete(node, key)
				}
				return false, nil
			case ok && child != nil:
				return setTree(child, path[i:], value)
			}
		}
		if len(path) > 1 {
			child := map[string]any{}
			node[path[0]] = child
			return setTree(child, path[1:], value)
		}
		if value != (deleted{}) {
			node[path[0]] = value
		}
		return true, nil
	case []any:
		i, err := index(path[0], len(node))
		if err != nil {
			return false, err
		}
		if len(path) > 1 {
			return setTree(node[i], path[1:], value)
		}
		node[i] = value
		return false, nil
	case []map[string]any: // an array of tables in TOML
		i, err := index(path[0], len(node))
		if err == nil && len(path) == 1 {
			err = errors.New("it is a table")
		}
		if err != nil {
			return false, err
		}
		return setTree(node[i], path[1:], value)
	}
	return false, fmt.Errorf("there is %v where %q should be", node, path[0])
}

// index reads the index of an element of a list.
func index(text string, n int) (int, error) {
	if i, err := strconv.Atoi(text); err == nil && i >= 0 && i < n {
		return i, nil
	}
	if n == 0 {
		return 0, fmt.Errorf("%q is in an empty list", text)
	}
	return 0, fmt.Errorf("%q is in a list of %d, want a number from 0 to %d", text, n, n-1)
}
