package searchspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/bluefin-hpo/bluefin/space"
)

// An Expr is a condition over parameters, such as warmup_steps < max_steps and optimizer != "sgd".
// A parameter whose name is no identifier is $env["learning-rate"].
type Expr struct {
	Names   []string // of the parameters that it mentions
	text    string
	program *vm.Program
}

// longestExpr bounds the work of one evaluation.
const longestExpr = 2000

// Compile reads an expression over parameters of the given types.
func Compile(text string, params []space.Dimension) (*Expr, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("expression is empty")
	}
	if len(text) > longestExpr {
		return nil, fmt.Errorf("expression has %d bytes, want at most %d", len(text), longestExpr)
	}
	e := &Expr{text: text}
	env := environment(params)
	found := &mentioned{params: params}
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.DisableAllBuiltins(), expr.Patch(found)}
	for _, f := range []string{"min", "max", "abs", "floor", "ceil", "round", "int", "float", "len"} {
		if _, taken := env[f]; !taken {
			options = append(options, expr.EnableBuiltin(f))
		}
	}
	var err error
	if e.program, err = expr.Compile(text, options...); err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, plain(err))
	}
	if e.Names = found.names; len(e.Names) == 0 {
		return nil, fmt.Errorf("expression %q mentions no parameter", text)
	}
	return e, nil
}

// String returns the expression as it was written.
func (e *Expr) String() string { return e.text }

// Holds reports whether the expression is true. It is not known if a parameter has no value.
func (e *Expr) Holds(values map[string]any) (holds, known bool, err error) {
	for _, name := range e.Names {
		if _, ok := values[name]; !ok {
			return false, false, nil
		}
	}
	v, err := expr.Run(e.program, nested(values))
	if err != nil {
		return false, true, fmt.Errorf("%q: %w", e.text, plain(err))
	}
	holds, _ = v.(bool)
	return holds, true, nil
}

// plain is the first line of an error, without the source that follows it.
func plain(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return fmt.Errorf("%s in column %d", at.Message, at.Column+1)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

// environment has the types of parameters. A name with dots is a field of a field; null is nothing.
func environment(params []space.Dimension) types.Map {
	env := types.Map{"null": types.Nil}
	for _, p := range params {
		put(env, p.Name, kind(p.Dist))
	}
	return env
}

func put(env types.Map, name string, t types.Type) {
	env[name] = t
	for {
		first, rest, dotted := strings.Cut(name, ".")
		if !dotted {
			env[name] = t
			return
		}
		fields, ok := env[first].(types.Map)
		if !ok {
			if _, taken := env[first]; taken { // a parameter has that name
				return
			}
			fields = types.Map{}
			env[first] = fields
		}
		env, name = fields, rest
	}
}

// nested returns values with dotted names also as fields of fields.
func nested(values map[string]any) map[string]any {
	env := map[string]any{"null": nil}
	for name, v := range values {
		env[name] = v
	}
	for name, v := range values {
		at := env
		for rest := name; ; {
			first, after, dotted := strings.Cut(rest, ".")
			if !dotted {
				at[rest] = v
				break
			}
			fields, ok := at[first].(map[string]any)
			if !ok {
				if _, taken := at[first]; taken {
					break
				}
				fields = map[string]any{}
				at[first] = fields
			}
			at, rest = fields, after
		}
	}
	return env
}

// kind is the type of a parameter's values.
func kind(d space.Dist) types.Type {
	switch d := d.(type) {
	case space.Int:
		return types.Int
	case space.Float:
		return types.Float
	case space.Categorical:
		same := func(is func(any) bool) bool {
			return !slices.ContainsFunc(d.Choices, func(c any) bool { return !is(c) })
		}
		switch {
		case same(func(c any) bool { _, ok := c.(string); return ok }):
			return types.String
		case same(func(c any) bool { _, ok := c.(bool); return ok }):
			return types.Bool
		case same(func(c any) bool { _, ok := c.(int); return ok }):
			return types.Int
		case same(func(c any) bool { _, ok := c.(float64); return ok }):
			return types.Float
		}
	}
	return types.Any
}

// A mentioned collects the parameters in an expression.
type mentioned struct {
	params []space.Dimension
	names  []string
}

// Visit implements ast.Visitor.
func (m *mentioned) Visit(node *ast.Node) {
	name := nameOf(*node)
	if slices.ContainsFunc(m.params, func(p space.Dimension) bool { return p.Name == name }) &&
		!slices.Contains(m.names, name) {
		m.names = append(m.names, name)
	}
}

// nameOf returns the dotted name that a node spells, or "".
func nameOf(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		field, ok := n.Property.(*ast.StringNode)
		if !ok {
			return ""
		}
		switch before := nameOf(n.Node); before {
		case "":
			return ""
		case "$env":
			return field.Value
		default:
			return before + "." + field.Value
		}
	}
	return ""
}
