// Package pyjson reads and writes JSON as Python's json module does, for Optuna's databases: with
// the literals NaN, Infinity and -Infinity, with ints distinct from floats, with ", " and ": " as
// separators, and in ASCII.
package pyjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Member is one name and value of an Object.
type Member struct {
	Name  string
	Value any
}

// An Object is a JSON object whose members are written in the given order.
type Object []Member

// Marshal returns the text of v as Python's json.dumps writes it. It takes nil, bools, numbers and
// strings of any type, []any, map[string]any (written sorted by name) and Object; any other type is
// an error.
func Marshal(v any) ([]byte, error) { return appendValue(nil, v) }

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case float64:
		return append(b, Float(v)...), nil
	case string:
		return appendString(b, v), nil
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			var err error
			if b, err = appendValue(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		var o Object
		for _, name := range slices.Sorted(maps.Keys(v)) {
			o = append(o, Member{name, v[name]})
		}
		return appendValue(b, o)
	case Object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(appendString(b, m.Name), ": "...)
			var err error
			if b, err = appendValue(b, m.Value); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
	return appendKind(b, reflect.ValueOf(v))
}

// appendKind writes bools, numbers and strings of named or sized types.
func appendKind(b []byte, v reflect.Value) ([]byte, error) {
	switch {
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10), nil
	case v.CanUint() && v.Uint() <= math.MaxInt64:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case v.CanFloat():
		return append(b, Float(v.Float())...), nil
	case v.Kind() == reflect.String:
		return appendString(b, v.String()), nil
	case v.Kind() == reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case v.CanUint():
		return nil, fmt.Errorf("%d is too large", v.Uint())
	}
	return nil, fmt.Errorf("a %s is not a JSON value", v.Kind())
}

// Float returns x as Python's repr writes it: the shortest digits that read back as x, with a point
// or an exponent, or a name such as NaN.
func Float(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r >= ' ' && r < 0x7f:
			b = append(b, byte(r))
		case r > 0xffff:
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}

// Unmarshal reads one JSON value as nil, bool, int, float64, string, []any or map[string]any. A
// number without a point and an exponent is an int if it fits.
func Unmarshal(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(quoteLiterals(text, literalMark)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("text after the JSON value")
	}
	return plain(v), nil
}

// Standard returns text with NaN, Infinity and -Infinity as strings, so any JSON reader accepts it.
func Standard(text []byte) json.RawMessage { return quoteLiterals(text, "") }

// literalMark starts a string that was a literal. In JSON it can only be the escape \u0000, which
// real strings do not start with.
const literalMark = `\u0000`

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(v.String()); err == nil {
			return i
		}
		x, _ := v.Float64() // out of range: ±Inf, as in Python
		return x
	case string:
		switch v {
		case "\x00NaN":
			return math.NaN()
		case "\x00Infinity":
			return math.Inf(1)
		case "\x00-Infinity":
			return math.Inf(-1)
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// quoteLiterals turns the literals of text into strings that start with mark.
func quoteLiterals(text []byte, mark string) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	var out []byte
	for i, inString := 0, false; i < len(text); {
		c := text[i]
		if !inString {
			if lit := literalAt(text[i:]); lit != "" {
				out = append(out, `"`+mark+lit+`"`...)
				i += len(lit)
				continue
			}
		}
		n := 1
		switch {
		case c == '"':
			inString = !inString
		case c == '\\' && inString && i+1 < len(text):
			_, size := utf8.DecodeRune(text[i+1:])
			n += size
		}
		out = append(out, text[i:i+n]...)
		i += n
	}
	return out
}

func literalAt(text []byte) string {
	for _, lit := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(text, []byte(lit)) {
			return lit
		}
	}
	return ""
}
