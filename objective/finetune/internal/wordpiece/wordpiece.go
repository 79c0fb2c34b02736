// Package wordpiece splits text into the tokens of BERT: words, punctuation marks, and the pieces
// of words that are not in the vocabulary.
//
// Y. Wu et al., "Google's Neural Machine Translation System", 2016, and J. Devlin, M.-W. Chang, K.
// Lee, K. Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language
// Understanding", 2019. Results equal those of Hugging Face's BertTokenizer.
package wordpiece

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Accents is the treatment of accents.
type Accents int

// Treatments of accents.
const (
	AccentsByCase Accents = iota // removed unless Config.Cased
	AccentsRemoved
	AccentsKept
)

// Config describes a Tokenizer. The zero value is that of BERT base, uncased.
type Config struct {
	Cased       bool    // keep upper case
	Accents     Accents // whether ü becomes u; 0: unless Cased
	JoinChinese bool    // Chinese characters form words like letters; otherwise each is a word

	MaxTokens    int // per text, including Class and Separator, at least 2; 0 means 512
	MaxWordRunes int // longer words are unknown; 0 means 100

	Unknown   string // for words without pieces in the vocabulary; "" means [UNK]
	Class     string // before each text; "" means [CLS]
	Separator string // after each text; "" means [SEP]

	// Special are additional tokens that texts may contain, such as [MASK]. Those above are among
	// them.
	Special []string
}

// A Tokenizer is a vocabulary and the rules to split text. It is immutable, so goroutines may share
// it.
type Tokenizer struct {
	config Config
	ids    map[string]int32
	// a map of its own saves joining ## and the rest for every piece that is tried
	inner   map[string]int32 // pieces that continue a word, without their ##
	tokens  []string         // by id; "" for unused ids
	special []string         // longest first
	longest int              // bytes of the longest token

	unknown, class, separator int32
}

// prefix marks pieces that continue a word.
const prefix = "##"

// New returns the tokenizer for a vocabulary, which numbers the tokens. It is an error if a token
// of c is missing.
func New(vocabulary map[string]int32, c Config) (*Tokenizer, error) {
	c.Unknown, c.Class, c.Separator = or(c.Unknown, "[UNK]"), or(c.Class, "[CLS]"), or(c.Separator, "[SEP]")
	c.MaxTokens, c.MaxWordRunes = or(c.MaxTokens, 512), or(c.MaxWordRunes, 100)
	if c.MaxTokens < 2 {
		return nil, fmt.Errorf("MaxTokens is %d, want at least 2", c.MaxTokens)
	}
	if c.MaxWordRunes < 1 {
		return nil, fmt.Errorf("MaxWordRunes is %d, want at least 1", c.MaxWordRunes)
	}
	t := &Tokenizer{config: c, ids: vocabulary, inner: make(map[string]int32)}
	size := 0
	for token, id := range vocabulary {
		if id < 0 || int(id) > 4*len(vocabulary)+math.MaxUint16 { // allows gaps, but not typing errors
			return nil, fmt.Errorf("token %q has number %d, want one in [0, %d]", token, id, 4*len(vocabulary)+math.MaxUint16)
		}
		size = max(size, int(id)+1)
		t.longest = max(t.longest, len(token))
		if rest, ok := strings.CutPrefix(token, prefix); ok && rest != "" {
			t.inner[rest] = id
		}
	}
	t.tokens = make([]string, size)
	for token, id := range vocabulary {
		t.tokens[id] = token
	}
	t.special = append([]string{c.Unknown, c.Class, c.Separator}, c.Special...)
	for _, token := range t.special {
		if _, ok := vocabulary[token]; !ok || token == "" {
			return nil, fmt.Errorf("special token %q is not in the vocabulary of %d tokens", token, len(vocabulary))
		}
	}
	// The longest first, so [MASK2] is not taken for [MASK.
	slices.SortStableFunc(t.special, func(a, b string) int { return len(b) - len(a) })
	t.unknown, t.class, t.separator = vocabulary[c.Unknown], vocabulary[c.Class], vocabulary[c.Separator]
	return t, nil
}

// Size returns the number of rows of an embedding: the largest token plus one.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// MaxTokens returns the largest number of tokens that Encode returns.
func (t *Tokenizer) MaxTokens() int { return t.config.MaxTokens }

// Limit returns a tokenizer whose MaxTokens is at most n, which is at least 2.
func (t *Tokenizer) Limit(n int) *Tokenizer {
	// A copy shares the vocabulary, which never changes.
	short := *t
	short.config.MaxTokens = min(t.config.MaxTokens, max(n, 2))
	return &short
}

// Encode returns the tokens of a text between those for class and separator. Texts with too many
// are cut. Special tokens in the text are recognized; invalid UTF-8 is left out.
func (t *Tokenizer) Encode(text string) []int32 {
	// About four bytes a token.
	ids := append(make([]int32, 0, min(t.config.MaxTokens, len(text)/4+8)), t.class)
	for text != "" && len(ids) < t.config.MaxTokens { // at most one too many, which is cut below
		at, token := t.nextSpecial(text)
		for word := range t.words(text[:at]) {
			ids = t.pieces(ids, word)
			// The rest of a long text would be cut anyway.
			if len(ids) >= t.config.MaxTokens {
				break
			}
		}
		text = text[at:]
		if token != "" {
			ids = append(ids, t.ids[token])
			text = text[len(token):]
		}
	}
	// The separator is kept, as the model expects it at the end.
	return append(ids[:min(len(ids), t.config.MaxTokens-1)], t.separator)
}

// nextSpecial finds the first special token in the text, the longest of those that start there, or
// returns len(text) and "".
func (t *Tokenizer) nextSpecial(text string) (at int, token string) {
	at = len(text)
	for _, s := range t.special {
		// Only as far as the best so far: the search stays linear in the text.
		if i := strings.Index(text[:min(len(text), at+len(s))], s); i >= 0 && i < at {
			at, token = i, s
		}
	}
	return at, token
}

// pieces appends the tokens of a word, greedily the longest that matches. If none matches, the word
// is unknown.
func (t *Tokenizer) pieces(ids []int32, word string) []int32 {
	// As in BERT; it also bounds the search for pieces, which is quadratic.
	if utf8.RuneCountInString(word) > t.config.MaxWordRunes {
		return append(ids, t.unknown)
	}
	before := len(ids)
	from := t.ids
	for word != "" {
		// No piece is longer.
		end := min(len(word), t.longest)
		for ; end > 0; end-- {
			// Never within a character.
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			if id, ok := from[word[:end]]; ok {
				ids = append(ids, id)
				break
			}
		}
		// One part without a piece makes the whole word unknown.
		if end == 0 {
			return append(ids[:before], t.unknown)
		}
		word, from = word[end:], t.inner
	}
	return ids
}

// or returns x, or def if x is its zero value.
func or[T comparable](x, def T) T {
	var zero T
	if x == zero {
		return def
	}
	return x
}
