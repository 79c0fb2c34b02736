// Package choose makes samplers and pruners of their names and settings, as users write them: on the
// command line, in JSON and in study files. Settings have Optuna's names, so scripts need not change.
package choose

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A NameError says that there is no sampler or pruner of that name.
type NameError struct {
	What, Name string
	Want       []string
}

// Error implements error.
func (e *NameError) Error() string {
	return fmt.Sprintf("%s is %q, want one of %s", e.What, e.Name, strings.Join(e.Want, ", "))
}

// settings are named settings. Each method reads one; the first mistake is kept and returned by check.
// null counts as absent, as None in Python.
type settings struct {
	values map[string]any
	known  []string
	err    error
}

// get returns a setting, and notes that there is one of that name.
func (s *settings) get(name string) (v any, ok bool) {
	s.known = append(s.known, name)
	v = s.values[name]
	return v, v != nil
}

// wrong keeps the first mistake.
func (s *settings) wrong(name, want string) {
	if s.err != nil {
		return
	}
	text, err := pyjson.Marshal(s.values[name])
	if err != nil {
		text = fmt.Append(nil, s.values[name])
	}
	s.err = fmt.Errorf("%s is %s, want %s", name, text, want)
}

// int returns a whole number of at least low, or 0 if it is absent. Floats such as 20.0 are refused.
func (s *settings) int(name string, low int) int {
	v, ok := s.get(name)
	n, isInt := v.(int)
	if ok && (!isInt || n < low || n > math.MaxInt32) {
		s.wrong(name, fmt.Sprintf("a whole number of at least %d", low))
	}
	return n
}

func (s *settings) positive(name string) int { return s.int(name, 1) }

// float returns a number between low and high, or the default if it is absent.
func (s *settings) float(name string, byDefault, low, high float64) float64 {
	v, ok := s.get(name)
	if !ok {
		return byDefault
	}
	x, isFloat := v.(float64)
	if n, isInt := v.(int); isInt {
		x, isFloat = float64(n), true
	}
	if !isFloat || !(low <= x && x <= high) {
		want := "a number"
		switch {
		case !math.IsInf(high, 1):
			want = fmt.Sprintf("a number from %v to %v", low, high)
		case !math.IsInf(low, -1):
			want = fmt.Sprintf("a number of at least %v", low)
		}
		s.wrong(name, want)
	}
	return x
}

// bool returns a setting that is true or false.
func (s *settings) bool(name string, byDefault bool) bool {
	v, ok := s.get(name)
	if !ok {
		return byDefault
	}
	b, isBool := v.(bool)
	if !isBool {
		s.wrong(name, "true or false")
	}
	return b
}

// text returns a setting that is a text, or "" if it is absent.
func (s *settings) text(name string) string {
	v, ok := s.get(name)
	text, isText := v.(string)
	if ok && (!isText || text == "") {
		s.wrong(name, "a text")
	}
	return text
}

// word returns a setting that is one of the allowed words, or "" if it is absent.
func (s *settings) word(name string, allowed ...string) string {
	v, ok := s.get(name)
	word, _ := v.(string)
	if ok && !slices.Contains(allowed, word) {
		s.wrong(name, strings.Join(allowed, " or "))
	}
	return word
}

// check returns the first mistake, or an error for a setting that was not read: one that is ignored
// would look as if it had an effect.
func (s *settings) check(owner string) error {
	var unknown []string
	for name, v := range s.values {
		if !slices.Contains(s.known, name) && v != nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return s.err
	}
	slices.Sort(unknown)
	if len(s.known) == 0 {
		return fmt.Errorf("%s has no setting %s, and no others", owner, strconv.Quote(unknown[0]))
	}
	slices.Sort(s.known)
	return fmt.Errorf("%s has no setting %s, want one of %s", owner, strconv.Quote(unknown[0]),
		strings.Join(slices.Compact(s.known), ", "))
}
