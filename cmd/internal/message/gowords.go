package message

import (
	"regexp"
	"strings"
)

// The messages of Go's packages about JSON with a value of the wrong type, with an unknown key or
// without an end, and about times. They name Go's types, which mean nothing to users.
var (
	jsonType = regexp.MustCompile(`json: cannot unmarshal (array|bool|null|number|object|string)` +
		`(?: ([-+.\w]+))? into Go ` +
		`(?:struct field (?:[\w/]+\.)?(\S+) of type|value of type) (struct \{.*\}|\S+)`)
	jsonKey = regexp.MustCompile(`json: unknown field `)
	jsonEnd = regexp.MustCompile(`unexpected end of JSON input`)
	badTime = regexp.MustCompile(`parsing time ("(?:\\.|[^"\\])*") as ("[^"]*"): cannot parse .*`)
)

// plainWords rewrites those messages.
func plainWords(text string) string {
	text = jsonKey.ReplaceAllString(text, "unknown key ")
	text = jsonEnd.ReplaceAllString(text, "the JSON text is cut off")
	text = badTime.ReplaceAllString(text, "$1 is not a time like $2")
	return jsonType.ReplaceAllStringFunc(text, func(found string) string {
		m := jsonType.FindStringSubmatch(found)
		is, number, key, goType := m[1], m[2], m[3], m[4]
		have := map[string]string{"array": "a list", "bool": "true or false", "null": "null", "number": "a number",
			"object": "an object", "string": "a string"}[is]
		if number != "" {
			have = number
		}
		if key == "" {
			return "the JSON text is " + have + ", want " + jsonWant(goType)
		}
		return `"` + key + `" is ` + have + ", want " + jsonWant(goType)
	})
}

// jsonWant describes the JSON that a Go type is read from.
func jsonWant(goType string) string {
	switch name := strings.TrimLeft(goType, "*"); {
	case strings.HasPrefix(name, "["):
		return "a list"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "uint"):
		return "a whole number"
	case strings.HasPrefix(name, "float"):
		return "a number"
	case name == "string":
		return "a string"
	case name == "bool":
		return "true or false"
	}
	return "an object"
}
