package space

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// Marshal returns the text for d in Optuna's databases, byte for byte as Optuna 5 writes it. As
// there, a range that ends off its grid is cut to the last grid value. It fails if Check refuses
// the type of a choice.
func Marshal(d Dist) (string, error) {
	type members = pyjson.Object
	var name string
	var attrs members
	switch d := d.(type) {
	case Float:
		d = d.cut()
		var step any
		if d.Step != 0 {
			step = d.Step
		}
		name = "FloatDistribution"
		attrs = members{
			{Name: "step", Value: step}, {Name: "low", Value: d.Low},
			{Name: "high", Value: d.High}, {Name: "log", Value: d.Log},
		}
	case Int:
		d = d.cut()
		name = "IntDistribution"
		attrs = members{
			{Name: "log", Value: d.Log}, {Name: "step", Value: d.Step},
			{Name: "low", Value: d.Low}, {Name: "high", Value: d.High},
		}
	case Categorical:
		name, attrs = "CategoricalDistribution", members{{Name: "choices", Value: d.Choices}}
	}
	text, err := pyjson.Marshal(members{{Name: "name", Value: name}, {Name: "attributes", Value: attrs}})
	if err != nil {
		return "", invalid("%v", err)
	}
	return string(text), nil
}

// Unmarshal reads the text of Marshal, the texts that Optuna before version 3 wrote, and the short
// form {"type": "float", "low": 0, "high": 1, "log": true}. It does not call Check.
func Unmarshal(text []byte) (Dist, error) {
	v, err := pyjson.Unmarshal(text)
	if err != nil {
		return nil, fmt.Errorf("distribution %.200s: %w", text, err)
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("distribution %.200s: want a JSON object", text)
	}
	f := fields{object: o}
	kind := f.string("type")
	if o["name"] != nil {
		kind = f.string("name")
		f.known = []string{"name", "attributes"}
		if err := f.unknown(); err != nil {
			return nil, fmt.Errorf("distribution %.200s: %w", text, err)
		}
		f.object, _ = o["attributes"].(map[string]any)
		f.known = nil
	}
	var d Dist
	switch kind {
	case "FloatDistribution", "float":
		d = Float{Low: f.float("low"), High: f.float("high"), Step: f.optionalFloat("step"), Log: f.bool("log")}
	case "UniformDistribution":
		d = Float{Low: f.float("low"), High: f.float("high")}
	case "LogUniformDistribution":
		d = Float{Low: f.float("low"), High: f.float("high"), Log: true}
	case "DiscreteUniformDistribution":
		d = Float{Low: f.float("low"), High: f.float("high"), Step: f.float("q")}
	case "IntDistribution", "int", "IntUniformDistribution":
		d = Int{Low: f.int("low"), High: f.int("high"), Step: f.step(), Log: f.bool("log")}
	case "IntLogUniformDistribution":
		d = Int{Low: f.int("low"), High: f.int("high"), Step: 1, Log: true}
		f.step() // Optuna 2 wrote a step but ignored it
	case "CategoricalDistribution", "categorical":
		choices, ok := f.member("choices").([]any)
		if !ok {
			f.err = errors.New(`"choices" is missing or not a list`)
		}
		d = Categorical{choices}
	case "":
		return nil, fmt.Errorf(`distribution %.200s: "type" is missing, want "float", "int" or "categorical"`, text)
	default:
		return nil, fmt.Errorf(`distribution %.200s: its type is %q, want "float", "int" or "categorical"`, text, kind)
	}
	if err := cmp.Or(f.unknown(), f.err); err != nil {
		return nil, fmt.Errorf("distribution %.200s: %w", text, err)
	}
	return d, nil
}

// fields reads members of an object and keeps the first error.
type fields struct {
	object map[string]any
	known  []string // the names that were read
	err    error
}

// member returns a member, nil if it is missing, and notes that it was read.
func (f *fields) member(name string) any {
	if !slices.Contains(f.known, name) {
		f.known = append(f.known, name)
	}
	return f.object[name]
}

// unknown returns an error if the object has a member that was not read: a misspelled "log" must
// not be ignored.
func (f *fields) unknown() error {
	for _, name := range slices.Sorted(maps.Keys(f.object)) {
		if !slices.Contains(f.known, name) {
			return fmt.Errorf("unknown key %q, want one of %s", name, strings.Join(f.known, ", "))
		}
	}
	return nil
}

func (f *fields) string(name string) string {
	s, _ := f.member(name).(string)
	return s
}

func (f *fields) bool(name string) bool {
	b, ok := f.member(name).(bool)
	if !ok && f.object[name] != nil {
		f.fail(name, "true or false")
	}
	return b
}

func (f *fields) float(name string) float64 {
	x, ok := number(f.member(name))
	if !ok {
		f.fail(name, "a number")
	}
	return x
}

func (f *fields) optionalFloat(name string) float64 {
	if f.member(name) == nil {
		return 0
	}
	return f.float(name)
}

func (f *fields) int(name string) int {
	if i, ok := f.member(name).(int); ok {
		return i
	}
	x := f.float(name)
	switch {
	case x != math.Trunc(x):
		f.fail(name, "an integer")
	case math.Abs(x) > maxExact:
		f.fail(name, "an integer of at most 64 bits")
	default:
		return int(x)
	}
	return 0
}

// step returns the step of an int, 1 if it is missing.
func (f *fields) step() int {
	if f.member("step") == nil {
		return 1
	}
	return f.int("step")
}

// fail keeps an error about a member, if it is the first.
func (f *fields) fail(name, want string) {
	if f.err == nil {
		if v, ok := f.object[name]; ok {
			f.err = fmt.Errorf("%q is %s, want %s", name, show(v), want)
		} else {
			f.err = fmt.Errorf("%q is missing, want %s", name, want)
		}
	}
}
