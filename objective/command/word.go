package command

import (
	"fmt"
	"slices"
	"strings"
)

// The values of an enumeration are the indices of its words.

// word returns the word of a value, or "Type(7)" for one without.
func word[T ~uint8](v T, words []string, typeName string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("%s(%d)", typeName, uint8(v))
}

// parseWord is the inverse of word. An error says what the word is for.
func parseWord[T ~uint8](text string, words []string, what string) (T, error) {
	if i := slices.Index(words, text); i >= 0 {
		return T(i), nil
	}
	return 0, fmt.Errorf("%s is %q, want one of %s", what, text, strings.Join(words, ", "))
}
