package wordpiece

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// chunk is how many bytes are normalised at a time, at least: of a long text
// only the beginning may be wanted.
const chunk = 4096

// words yields the words of a text and its punctuation marks, each of which is
// a word, normalised.
func (t *Tokenizer) words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			end := len(text)
			if end > chunk { // nothing reaches beyond a space
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

// split yields the words and marks of a normalised text, and reports whether
// yield wants more.
func split(text string, yield func(string) bool) bool {
	start := 0 // of the word that i is in
	for i, r := range text {
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

// normalise removes control characters, makes every space one of ASCII, puts
// spaces around Chinese characters, and removes accents and case if the
// tokenizer does.
func (t *Tokenizer) normalise(text string) string {
	c := t.config
	ascii := true
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text { // of bytes that are not UTF-8, r is U+FFFD
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
		}, norm.NFD.String(text)) // the letter, then its accents
	}
	if !c.Cased {
		text = strings.ToLower(strings.ReplaceAll(text, "İ", "i̇")) // the one letter whose lower case is two
	}
	return text
}

// The functions below decide about ASCII without tables.

func isRemoved(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7F
	}
	return unicode.Is(removed, r)
}

func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r'
	}
	return unicode.IsSpace(r)
}

// isPunctuation counts the symbols of ASCII, such as $ and +, as punctuation,
// but none beyond.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.Is(punctuation, r)
}
