// Package message formats what the commands tell their users.
package message

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// OneLine returns the message of an error on one line, without what Go's JSON package says of Go's
// types. The errors of this module need nothing else: they are written for users, and carry no
// package names.
func OneLine(err error) string {
	return Visible(plainWords(strings.ReplaceAll(err.Error(), "\n", "; ")))
}

// Visible replaces by Go's escapes what a terminal would obey instead of showing: control characters,
// line ends, marks that change the direction of the text, and bytes that are not UTF-8. Names and
// reasons come from files of others, and must neither move the cursor nor look like another message.
func Visible(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case strconv.IsGraphic(r), r == zeroWidthJoiner, r == zeroWidthNonJoiner:
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		s = s[n:]
	}
	return b.String()
}

// Words of several scripts, and emoji, need these to look right.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// Fprintf is fmt.Fprintf with visible arguments; only the format has real line ends.
func Fprintf(w io.Writer, format string, args ...any) {
	if false {
		_ = fmt.Sprintf(format, args...) // makes vet check the arguments
	}
	shown := make([]any, len(args))
	for i, arg := range args {
		shown[i] = visible{arg}
		if n, ok := arg.(int); ok { // it may be a width, as in %*s
			shown[i] = n
		}
	}
	fmt.Fprintf(w, format, shown...)
}

// A visible value formats as the value does, and is then made visible.
type visible struct{ value any }

// Format implements fmt.Formatter.
func (v visible) Format(f fmt.State, verb rune) {
	_, _ = io.WriteString(f, Visible(fmt.Sprintf(fmt.FormatString(f, verb), v.value)))
}
