package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyyaml"
)

// renderYAML keeps comments and order.
func (t *template) renderYAML(params map[string]any) (text []byte, added []string, err error) {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(t.text))
	if err := d.Decode(&doc); err != nil && err != io.EOF {
		return nil, nil, err
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, nil, errors.New("it has several documents, want one")
	}
	if doc.Kind == 0 {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{pyyaml.Mapping()}}
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, nil, errors.New("it is not a mapping of names to values")
	}
	for _, name := range names(params) {
		isNew, err := setYAML(root, strings.Split(name, "."), pyyaml.Node(params[name]))
		if err != nil {
			return nil, nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		if isNew {
			added = append(added, name)
		}
	}
	text, err = yaml.Dump(&doc, yaml.WithLineWidth(-1))
	return text, added, err
}

// setYAML is setTree for nodes.
func setYAML(node *yaml.Node, path []string, value *yaml.Node) (added bool, err error) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := len(path); i > 0; i-- {
			child := member(node, strings.Join(path[:i], "."))
			switch {
			case child == nil:
			case i == len(path):
				replace(child, value)
				return false, nil
			case !isNull(child):
				return setYAML(own(child), path[i:], value)
			default:
				replace(child, pyyaml.Mapping())
				return setYAML(child, path[i:], value)
			}
		}
		child := value
		if len(path) > 1 {
			child = pyyaml.Mapping()
			if _, err := setYAML(child, path[1:], value); err != nil {
				return false, err
			}
		}
		node.Content = append(node.Content, pyyaml.Node(path[0]), child)
		return true, nil
	case yaml.SequenceNode:
		i, err := index(path[0], len(node.Content))
		if err != nil {
			return false, err
		}
		if len(path) > 1 {
			return setYAML(own(node.Content[i]), path[1:], value)
		}
		replace(node.Content[i], value)
		return false, nil
	}
	return false, fmt.Errorf("there is %q where %q should be", node.Value, path[0])
}

// member returns the value of a key, or nil. One that a merge (<<) brings becomes the mapping's own.
func member(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Tag != "!!merge" {
			continue
		}
		merged := []*yaml.Node{m.Content[i+1]}
		if merged[0].Kind == yaml.SequenceNode {
			merged = merged[0].Content
		}
		for _, other := range merged {
			if other.Kind == yaml.AliasNode {
				other = other.Alias
			}
			if child := member(other, key); child != nil {
				child = copyNode(child)
				m.Content = append(m.Content, pyyaml.Node(key), child)
				return child
			}
		}
	}
	return nil
}

// own makes an alias a copy of what it stands for, so changing it changes nothing else.
func own(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		*n = *copyNode(n.Alias)
	}
	return n
}

func copyNode(n *yaml.Node) *yaml.Node {
	c := *n
	c.Anchor = ""
	c.Content = slices.Clone(n.Content)
	for i, child := range c.Content {
		c.Content[i] = copyNode(child)
	}
	return &c
}

// replace puts a value in the place of a node, whose comments and anchor stay.
func replace(n, value *yaml.Node) {
	v := *value
	v.Anchor, v.HeadComment, v.LineComment, v.FootComment = n.Anchor, n.HeadComment, n.LineComment, n.FootComment
	*n = v
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
