package functions

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
)

// A tableMeta is the meta file of a table, as Table documents it.
type tableMeta struct {
	Space     []tableParam
	Key       []string
	Levels    map[string][]string
	Inactive  map[string]any
	Objective string
	Curve     []string

	sources []source // of each key column
}

// A tableParam is one parameter of a table.
type tableParam struct {
	Name      string
	Type      string
	Low, High float64
	Step      float64
	Log       bool
	Choices   json.RawMessage
	If        map[string]json.RawMessage

	dist space.Dist
	when map[string][]float64 // internal values that others must have
}

// A source says where the text of a key column comes from.
type source struct {
	param    string   // "": none
	texts    []string // by the parameter's internal value, from low
	low      int      // the internal value of the first text
	inactive string   // where the parameter is not asked for
}

// readMeta reads the meta file and prepares the look-up of points.
func readMeta(r io.Reader) (tableMeta, error) {
	var m tableMeta
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return m, err
	}
	if len(m.Key) == 0 || m.Objective == "" || len(m.Space) == 0 {
		return m, errors.New("want space, key and objective")
	}
	// Conditions refer to parameters before, so one pass suffices.
	known := map[string]space.Dist{}
	for i := range m.Space {
		p := &m.Space[i]
		if err := p.read(known); err != nil {
			return m, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		if known[p.Name] != nil {
			return m, fmt.Errorf("parameter %q: there are two", p.Name)
		}
		known[p.Name] = p.dist
	}
	for _, column := range m.Key {
		s, err := m.source(column, known)
		if err != nil {
			return m, fmt.Errorf("key column %q: %w", column, err)
		}
		m.sources = append(m.sources, s)
	}
	return m, nil
}

// read sets the distribution and the conditions; known are the distributions of the parameters
// before it.
func (p *tableParam) read(known map[string]space.Dist) error {
	switch p.Type {
	case "int":
		p.dist = space.Int{Low: int(p.Low), High: int(p.High), Step: int(p.Step), Log: p.Log}
	case "float":
		p.dist = space.Float{Low: p.Low, High: p.High, Step: p.Step, Log: p.Log}
	case "cat":
		choices, err := list(p.Choices)
		if err != nil {
			return fmt.Errorf("choices: %w", err)
		}
		p.dist = space.Categorical{Choices: choices}
	default:
		return fmt.Errorf("type is %q, want float, int or cat", p.Type)
	}
	if err := p.dist.Check(); err != nil {
		return err
	}
	// A table has a row for each point.
	if p.dist.Len() == 0 {
		return errors.New("a continuum, want values that a table can list")
	}
	p.when = map[string][]float64{}
	for name, text := range p.If {
		other := known[name]
		if other == nil {
			return fmt.Errorf("if: no parameter %q comes before it", name)
		}
		allowed, err := list(text)
		if err != nil {
			return fmt.Errorf("if: %w", err)
		}
		for _, v := range allowed {
			// Compared in internal form, which is what ask returns.
			x, err := other.Internal(v)
			if err != nil {
				return fmt.Errorf("if: %q: %w", name, err)
			}
			p.when[name] = append(p.when[name], x)
		}
	}
	return nil
}

// list reads a JSON array of scalars.
func list(text json.RawMessage) ([]any, error) {
	v, err := pyjson.Unmarshal(text)
	if err != nil {
		return nil, err
	}
	values, ok := v.([]any)
	if !ok {
		return nil, errors.New("want a list")
	}
	return values, nil
}

// source finds the parameter of a key column.
func (m *tableMeta) source(column string, known map[string]space.Dist) (source, error) {
	var s source
	if v, ok := m.Inactive[column]; ok {
		s.inactive = fmt.Sprint(v)
	}
	for _, suffix := range []string{"", "_i", "_c"} {
		d := known[column+suffix]
		if d == nil {
			continue
		}
		s.param = column + suffix
		first := d.Value(0)
		s.low = int(first)
		levels := m.Levels[column]
		for i := range d.Len() {
			x := first + float64(i)
			if !d.Contains(x) {
				return s, fmt.Errorf("parameter %q: want ints one by one, or choices", s.param)
			}
			if suffix == "" {
				s.texts = append(s.texts, fmt.Sprint(d.External(x)))
				continue
			}
			if int(x) < 0 || int(x) >= len(levels) {
				return s, fmt.Errorf("%d levels, want one for %v of %q", len(levels), x, s.param)
			}
			s.texts = append(s.texts, levels[int(x)])
		}
		return s, nil
	}
	return s, errors.New("it belongs to no parameter")
}

// texts asks for the parameters and returns the texts of the key columns.
func (m *tableMeta) texts(ask Ask) []string {
	chosen := make(map[string]float64, len(m.Space))
	for _, p := range m.Space {
		if p.active(chosen) {
			chosen[p.Name] = ask(p.Name, p.dist)
		}
	}
	texts := make([]string, len(m.sources))
	for i, s := range m.sources {
		texts[i] = s.inactive
		if x, ok := chosen[s.param]; ok {
			texts[i] = s.texts[int(x)-s.low]
		}
	}
	return texts
}

func (p *tableParam) active(chosen map[string]float64) bool {
	for name, allowed := range p.when {
		x, ok := chosen[name]
		if !ok || !slices.Contains(allowed, x) {
			return false
		}
	}
	return true
}

// points calls f for each point of the space, until an error.
func (m *tableMeta) points(f func(ask Ask) error) error {
	// An odometer over the values asked for: position and number of values of each, in order of
	// asking.
	var at, of []int
	for {
		i := 0
		err := f(func(_ string, d space.Dist) float64 {
			if i == len(at) {
				at, of = append(at, 0), append(of, d.Len())
			}
			u := (float64(at[i]) + 0.5) / float64(of[i])
			i++
			return d.Value(u)
		})
		if err != nil {
			return err
		}
		for len(at) > 0 && at[len(at)-1] == of[len(of)-1]-1 {
			at, of = at[:len(at)-1], of[:len(of)-1]
		}
		if len(at) == 0 {
			return nil
		}
		at[len(at)-1]++
	}
}

// point formats the texts of a key for messages.
func (m *tableMeta) point(texts []string) string {
	var b strings.Builder
	for i, column := range m.Key {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", column, texts[i])
	}
	return b.String()
}
