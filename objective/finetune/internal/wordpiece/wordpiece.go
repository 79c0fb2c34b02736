// Package wordpiece turns text into the tokens of BERT: words and punctuation
// marks, and where a word is not in the vocabulary, its pieces.
//
// Y. Wu et al., "Google's Neural Machine Translation System", 2016, and
// J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of Deep
// Bidirectional Transformers for Language Understanding", 2019. Results are
// those of the Hugging Face tokenizers of type BertTokenizer.
package wordpiece

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Accents says what happens to the accents of letters.
type Accents int

// What happens to accents.
const (
	AccentsByCase Accents = iota // removed unless Config.Cased
	AccentsRemoved
	AccentsKept
)

// Config is how a Tokenizer differs from that of BERT base, uncased.
type Config struct {
	Cased       bool    // upper case stays upper case
	Accents     Accents // whether ü becomes u; 0 means if not Cased
	JoinChinese bool    // Chinese characters form words as letters do; otherwise each is a word

	MaxTokens    int // of a text, the one before and the one after it included, at least 2; 0 means 512
	MaxWordRunes int // longer words are unknown; 0 means 100

	Unknown   string // stands for words that the vocabulary has no pieces for; "" means [UNK]
	Class     string // goes before each text; "" means [CLS]
	Separator string // goes after each text; "" means [SEP]

	// Special are further tokens that a text may contain as they are, such as
	// [MASK]. Those above are among them.
	Special []string
}

// A Tokenizer is a vocabulary and the rules to cut text into it. It does not
// change: goroutines may share it.
type Tokenizer struct {
	config  Config
	ids     map[string]int32
	inner   map[string]int32 // pieces that continue a word, without their ##
	tokens  []string         // by id; "" for the ids that are no token's
	special []string         // the longest first
	longest int              // bytes of the longest token

	unknown, class, separator int32
}

// prefix marks the pieces that continue a word.
const prefix = "##"

// New returns the tokenizer for a vocabulary, a number for each token. It is an
// error if a token of c is not in it.
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
		if id < 0 || int(id) > 4*len(vocabulary)+math.MaxUint16 { // room for holes, but not for a typing error
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
	slices.SortStableFunc(t.special, func(a, b string) int { return len(b) - len(a) })
	t.unknown, t.class, t.separator = vocabulary[c.Unknown], vocabulary[c.Class], vocabulary[c.Separator]
	return t, nil
}

// Size returns the number of rows that an embedding of the tokens needs: one
// more than the largest token.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// MaxTokens returns how many tokens Encode returns at most.
func (t *Tokenizer) MaxTokens() int { return t.config.MaxTokens }

// Limit returns a tokenizer whose MaxTokens is at most n, which is at least 2.
func (t *Tokenizer) Limit(n int) *Tokenizer {
	short := *t
	short.config.MaxTokens = min(t.config.MaxTokens, max(n, 2))
	return &short
}

// Token returns the text of a token in [0, t.Size()); "" if there is none.
func (t *Tokenizer) Token(id int32) string { return t.tokens[id] }

// Encode returns the tokens of a text between those for class and separator. A
// text with too many loses its end. Special tokens that stand in the text count
// as such; bytes that are not UTF-8 are left out.
func (t *Tokenizer) Encode(text string) []int32 {
	ids := append(make([]int32, 0, min(t.config.MaxTokens, len(text)/4+8)), t.class)
	for text != "" && len(ids) < t.config.MaxTokens { // one too many, at most, is cut below
		at, token := t.nextSpecial(text)
		for word := range t.words(text[:at]) {
			ids = t.pieces(ids, word)
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
	return append(ids[:min(len(ids), t.config.MaxTokens-1)], t.separator)
}

// nextSpecial finds the first special token in the text, the longest of those
// that begin there. There is none: len(text) and "".
func (t *Tokenizer) nextSpecial(text string) (at int, token string) {
	at = len(text)
	for _, s := range t.special {
		if i := strings.Index(text[:min(len(text), at+len(s))], s); i >= 0 && i < at {
			at, token = i, s
		}
	}
	return at, token
}

// pieces appends the tokens of a word: again and again the longest one that
// the rest begins with. If at some place there is none, the word is unknown.
func (t *Tokenizer) pieces(ids []int32, word string) []int32 {
	if utf8.RuneCountInString(word) > t.config.MaxWordRunes {
		return append(ids, t.unknown)
	}
	before := len(ids)
	from := t.ids
	for word != "" {
		end := min(len(word), t.longest)
		for ; end > 0; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			if id, ok := from[word[:end]]; ok {
				ids = append(ids, id)
				break
			}
		}
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
