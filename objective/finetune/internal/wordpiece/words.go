package wordpiece

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// chunk is the least number of bytes to normalize at once: of a long text only the start may be
// needed.
const chunk = 4096

// words yields the normalized words and punctuation marks of a text.
func (t *Tokenizer) words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			end := len(text)
			if end > chunk { // normalization never crosses a space
				if space := strings.IndexByte(text[chunk:], ' '); space >= 0 {
					end = chunk + space
				}
			}
			if !split(t.normalise(text[:end]), yield) {
				return
			}
			text = text[end:]
		}
	}
}

// split yields the words and marks of a normalized text, and reports whether yield wants more.
func split(text string, yield func(string) bool) bool {
	start := 0 // of the current word
	for i, r := range text {
		// Marks are words of their own and separate others.
		space, mark := isSpace(r), isPunctuation(r)
		if !space && !mark {
			continue
		}
		if start < i && !yield(text[start:i]) {
			return false
		}
		start = i + utf8.RuneLen(r)
		if mark && !yield(text[i:start]) {
			return false
		}
	}
	return start == len(text) || yield(text[start:])
}

// normalise removes control characters, replaces every space by an ASCII one, puts spaces around
// Chinese characters, and removes accents and case if the tokenizer does.
func (t *Tokenizer) normalise(text string) string {
	c := t.config
	// ASCII has no accents, so most texts skip the slow part.
	ascii := true
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text { // invalid UTF-8 gives U+FFFD
		switch {
		case isRemoved(r):
		case isSpace(r):
			b.WriteByte(' ')
		case !c.JoinChinese && unicode.Is(chinese, r):
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
			ascii = false
		default:
			b.WriteRune(r)
			ascii = ascii && r < utf8.RuneSelf
		}
	}
	text = b.String()
	strip := c.Accents == AccentsRemoved || c.Accents == AccentsByCase && !c.Cased
	if strip && !ascii {
		text = strings.Map(func(r rune) rune {
			if unicode.Is(accents, r) {
				return -1
			}
			return r
		}, norm.NFD.String(text)) // letters followed by their accents
	}
	if !c.Cased {
		text = strings.ToLower(strings.ReplaceAll(text, "İ", "i̇")) // the only letter with a lower case of two
	}
	return text
}

// The functions below handle ASCII without tables.

// isRemoved reports control characters and the like, U+FFFD included.
func isRemoved(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7F
	}
	return unicode.Is(removed, r)
}

// isSpace reports what separates words.
func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r'
	}
	return unicode.IsSpace(r)
}

// isPunctuation counts symbols such as $ and + as punctuation, but only those of ASCII.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.Is(punctuation, r)
}
