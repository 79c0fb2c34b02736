package wordpiece

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

//go:embed testdata/vectors.json
var vectorsJSON []byte // testdata/vectors.py

type vectors struct {
	Vocabulary []string
	MaxTokens  int `json:"max_tokens"`
	Texts      []string
	Cases      []struct {
		LowerCase    *bool `json:"do_lower_case"`
		StripAccents *bool `json:"strip_accents"`
		ChineseChars *bool `json:"tokenize_chinese_chars"`
		IDs          [][]int32
	}
}

func load(t testing.TB) vectors {
	t.Helper()
	var v vectors
	if err := json.Unmarshal(vectorsJSON, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// special are the tokens that no text is cut into.
var special = []string{"[PAD]", "[MASK]"}

func (v vectors) tokenizer(t testing.TB, c Config) *Tokenizer {
	t.Helper()
	ids := make(map[string]int32)
	for i, token := range v.Vocabulary {
		ids[token] = int32(i)
	}
	c.Special = special
	tokenizer, err := New(ids, c)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

func TestEncodeAgreesWithTheReference(t *testing.T) {
	v := load(t)
	if len(v.Cases) != 5 || len(v.Texts) < 100 {
		t.Fatalf("%d cases of %d texts, want 5 of at least 100", len(v.Cases), len(v.Texts))
	}
	for _, c := range v.Cases {
		config := Config{Cased: !isTrue(c.LowerCase), Accents: accentsOf(c.StripAccents), JoinChinese: !isTrue(c.ChineseChars), MaxTokens: v.MaxTokens}
		tokenizer := v.tokenizer(t, config)
		for i, text := range v.Texts {
			if got := tokenizer.Encode(text); !slices.Equal(got, c.IDs[i]) {
				t.Errorf("%+v: tokens of %q are\n%v %q, want\n%v %q", config, text, got, tokenizer.texts(got), c.IDs[i], tokenizer.texts(c.IDs[i]))
			}
		}
	}
}

// texts is the texts of tokens.
func (t *Tokenizer) texts(ids []int32) []string {
	s := make([]string, len(ids))
	for i, id := range ids {
		s[i] = t.tokens[id]
	}
	return s
}

func TestDefaultsAndLimits(t *testing.T) {
	v := load(t)
	long := strings.Repeat("the ", 600)
	for name, c := range map[string]struct {
		config Config
		text   string
		tokens int
		last   string // before the separator
	}{
		"512 tokens":                          {Config{}, long, 512, "the"},
		"two tokens":                          {Config{MaxTokens: 2}, long, 2, "[CLS]"},
		"three tokens":                        {Config{MaxTokens: 3}, long, 3, "the"},
		"a word of 100 runes":                 {Config{}, strings.Repeat("x", 100), 102, "##x"},
		"a word of 101 runes":                 {Config{}, strings.Repeat("x", 101), 3, "[UNK]"},
		"a word of one rune of one":           {Config{MaxWordRunes: 1}, "x", 3, "x"},
		"a word of two runes of one":          {Config{MaxWordRunes: 1}, "xx", 3, "[UNK]"},
		"100 runes of two bytes":              {Config{}, strings.Repeat("é", 100), 102, "##e"},
		"another name for unknown words":      {Config{Unknown: "[MASK]"}, "☃", 3, "[MASK]"},
		"bytes that are not UTF-8 between":    {Config{}, "th\xffe", 3, "the"},
		"a special token that fills the rest": {Config{MaxTokens: 3}, "[SEP][SEP]", 3, "[SEP]"},
	} {
		got := v.tokenizer(t, c.config).Encode(c.text)
		tokens := v.tokenizer(t, c.config).texts(got)
		if len(got) != c.tokens || tokens[len(got)-2] != c.last {
			t.Errorf("%s: %d tokens %.100q, want %d with %q before the last", name, len(got), tokens, c.tokens, c.last)
		}
	}
	limited := v.tokenizer(t, Config{MaxTokens: 8}).Limit(5)
	if got := limited.Encode(long); len(got) != 5 || limited.MaxTokens() != 5 || limited.Limit(9).MaxTokens() != 5 || limited.Limit(0).MaxTokens() != 2 {
		t.Errorf("with Limit(5): %d tokens of at most %d, want 5, then no more than that and 2 at least", len(got), limited.MaxTokens())
	}
	if tokenizer := v.tokenizer(t, Config{}); tokenizer.MaxTokens() != 512 || tokenizer.Size() != len(v.Vocabulary) {
		t.Errorf("at most %d tokens of %d, want 512 of %d", tokenizer.MaxTokens(), tokenizer.Size(), len(v.Vocabulary))
	}
}

func TestNewRefuses(t *testing.T) {
	whole := func() map[string]int32 { return map[string]int32{"[UNK]": 0, "[CLS]": 1, "[SEP]": 2} }
	for want, c := range map[string]struct {
		change func(map[string]int32)
		config Config
	}{
		"MaxTokens is 1, want at least 2":                    {config: Config{MaxTokens: 1}},
		"MaxWordRunes is -1, want at least 1":                {config: Config{MaxWordRunes: -1}},
		`special token "[CLS]" is not in the vocabulary`:     {change: func(v map[string]int32) { delete(v, "[CLS]") }},
		`special token "[MASK]" is not in the vocabulary of`: {config: Config{Special: []string{"[MASK]"}}},
		`token "a" has number -1, want one in [0, `:          {change: func(v map[string]int32) { v["a"] = -1 }},
		`token "a" has number 2000000000, want one in [0, `:  {change: func(v map[string]int32) { v["a"] = 2e9 }},
	} {
		v := whole()
		if c.change != nil {
			c.change(v)
		}
		if _, err := New(v, c.config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if _, err := New(whole(), Config{}); err != nil {
		t.Error(err) // the cases above are this one, damaged
	}
}

func TestLongTextsAreCutAsShortOnes(t *testing.T) {
	v := load(t)
	tokenizer := v.tokenizer(t, Config{MaxTokens: 1 << 30})
	var want []int32
	var long strings.Builder
	for long.Len() < 5*chunk {
		for _, text := range v.Texts {
			long.WriteString(text + " ")
			ids := tokenizer.Encode(text)
			want = append(want, ids[1:len(ids)-1]...)
		}
	}
	got := tokenizer.Encode(long.String())
	if !slices.Equal(got[1:len(got)-1], want) {
		t.Errorf("%d tokens of a text of %d bytes are others than those of its parts", len(got), long.Len())
	}
}

// The tokens of two texts with a space between are those of the one and those
// of the other; and where no word is unknown the tokens spell the words.
func FuzzEncode(f *testing.F) {
	v := load(f)
	for _, text := range v.Texts {
		f.Add(text, "the cat", false)
		f.Add("[SEP", text, true)
	}
	f.Fuzz(func(t *testing.T, a, b string, cased bool) {
		tokenizer := v.tokenizer(t, Config{Cased: cased, MaxTokens: 1 << 20})
		inside := func(text string) []int32 {
			ids := tokenizer.Encode(text)
			if n := len(ids); n < 2 || ids[0] != tokenizer.class || ids[n-1] != tokenizer.separator {
				t.Fatalf("tokens of %q are %v, want class and separator around", text, ids)
			}
			for _, id := range ids {
				if id < 0 || int(id) >= tokenizer.Size() {
					t.Fatalf("tokens of %q are %v, want each below %d", text, ids, tokenizer.Size())
				}
			}
			return ids[1 : len(ids)-1]
		}
		left, right := inside(a), inside(b)
		both := inside(a + " " + b)
		if !slices.Equal(both, slices.Concat(left, right)) {
			t.Fatalf("tokens of %q and %q are %v, want %v and %v", a, b, both, left, right)
		}
		short := v.tokenizer(t, Config{Cased: cased, MaxTokens: 5})
		if got, want := short.Encode(a), min(len(left), 3); len(got) != want+2 || !slices.Equal(got[1:want+1], left[:want]) {
			t.Fatalf("at most 5 tokens of %q are %v, want the first of %v", a, got, left)
		}
		if utf8.ValidString(a) && !slices.Contains(left, tokenizer.unknown) && !strings.Contains(a, "[") {
			spelt := ""
			for _, id := range left {
				spelt += strings.TrimPrefix(tokenizer.tokens[id], "##")
			}
			if words := strings.Join(slices.Collect(tokenizer.words(a)), ""); spelt != words {
				t.Fatalf("tokens of %q spell %q, want %q", a, spelt, words)
			}
		}
	})
}
