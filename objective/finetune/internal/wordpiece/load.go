package wordpiece

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
)

// Files returns the names of the files in a model's folder that describe a tokenizer. Load needs
// the first or the second and reads the first four.
func Files() []string {
	return []string{"tokenizer.json", "vocab.txt", "tokenizer_config.json", "sentence_bert_config.json",
		"special_tokens_map.json", "added_tokens.json"}
}

// Load reads the tokenizer in a folder as written by Hugging Face tokenizers: vocabulary and rules
// from tokenizer.json, or the vocabulary from vocab.txt. tokenizer_config.json takes precedence.
// MaxTokens is max_seq_length of sentence_bert_config.json, else model_max_length of
// tokenizer_config.json, else 512. A tokenizer that is not BERT's is an error.
func Load(dir string) (*Tokenizer, error) {
	var c Config
	vocabulary, err := loadTokenizer(filepath.Join(dir, "tokenizer.json"), &c)
	if errors.Is(err, fs.ErrNotExist) {
		vocabulary, err = loadVocabulary(filepath.Join(dir, "vocab.txt"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s has neither tokenizer.json nor vocab.txt: %w", dir, err)
		}
		// vocab.txt does not say which tokens are special; these are the other two of BERT.
		c.Special = present(vocabulary, "[PAD]", "[MASK]")
	}
	if err == nil {
		// After the vocabulary, since it takes precedence over tokenizer.json.
		err = loadConfig(dir, &c)
	}
	if err != nil {
		return nil, err
	}
	t, err := New(vocabulary, c)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, dir)
	}
	return t, nil
}

// present returns the tokens that are in the vocabulary.
func present(vocabulary map[string]int32, tokens ...string) (in []string) {
	for _, token := range tokens {
		if _, ok := vocabulary[token]; ok {
			in = append(in, token)
		}
	}
	return in
}

// loadVocabulary reads a token per line, numbered from 0. Of equal tokens the last counts.
func loadVocabulary(path string) (map[string]int32, error) {
	b, err := file.Read(path)
	if err != nil {
		return nil, err
	}
	vocabulary := make(map[string]int32)
	// The number of a token is its line, so empty lines count too.
	id := int32(0)
	for line := range strings.Lines(string(b)) {
		vocabulary[strings.TrimRight(line, "\r\n")] = id
		id++
	}
	return vocabulary, nil
}

// tokenizerFile is the relevant part of tokenizer.json.
type tokenizerFile struct {
	Normalizer *struct {
		Type         string
		CleanText    *bool `json:"clean_text"`
		ChineseChars *bool `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"`
		Lowercase    *bool
	}
	PreTokenizer *struct{ Type string } `json:"pre_tokenizer"`
	Model        struct {
		Type    string
		Unknown string          `json:"unk_token"`
		Prefix  *string         `json:"continuing_subword_prefix"`
		MaxWord int             `json:"max_input_chars_per_word"`
		Vocab   json.RawMessage // an object only if the type is WordPiece
	}
	AddedTokens []struct {
		ID         int32
		Content    string
		SingleWord bool `json:"single_word"`
		Normalized bool
	} `json:"added_tokens"`
}

// loadTokenizer reads vocabulary and rules. What differs from BERT is refused: the ids
// would be wrong without anybody noticing.
func loadTokenizer(path string, c *Config) (map[string]int32, error) {
	b, err := file.Read(path)
	if err != nil {
		return nil, err
	}
	var f tokenizerFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	refuse := func(field, got, want string) (map[string]int32, error) {
		return nil, fmt.Errorf("%s: %s is %q, want %s: only BERT tokenizers are supported", path, field, got, want)
	}
	switch {
	case f.Model.Type != "WordPiece":
		return refuse("model.type", f.Model.Type, "WordPiece")
	case f.Model.Prefix != nil && *f.Model.Prefix != prefix:
		return refuse("model.continuing_subword_prefix", *f.Model.Prefix, prefix)
	case f.Normalizer == nil || f.Normalizer.Type != "BertNormalizer":
		got := "null"
		if f.Normalizer != nil {
			got = f.Normalizer.Type
		}
		return refuse("normalizer.type", got, "BertNormalizer")
	case !isTrue(f.Normalizer.CleanText):
		return refuse("normalizer.clean_text", "false", "true")
	case f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer":
		got := "null"
		if f.PreTokenizer != nil {
			got = f.PreTokenizer.Type
		}
		return refuse("pre_tokenizer.type", got, "BertPreTokenizer")
	}
	vocabulary := make(map[string]int32)
	if err := json.Unmarshal(f.Model.Vocab, &vocabulary); err != nil {
		return nil, fmt.Errorf("%s: model.vocab: %w", path, err)
	}
	for _, a := range f.AddedTokens {
		// Encode looks for added tokens in the text as it is.
		if a.SingleWord || a.Normalized {
			return nil, fmt.Errorf("%s: added token %q is single_word or normalized, want one that matches anywhere", path,
				a.Content)
		}
		vocabulary[a.Content] = a.ID
		c.Special = append(c.Special, a.Content)
	}
	c.MaxWordRunes, c.Unknown = f.Model.MaxWord, f.Model.Unknown
	c.JoinChinese = !isTrue(f.Normalizer.ChineseChars)
	c.Cased = !isTrue(f.Normalizer.Lowercase)
	c.Accents = accentsOf(f.Normalizer.StripAccents)
	return vocabulary, nil
}

// loadConfig reads the two smaller files, if present.
func loadConfig(dir string, c *Config) error {
	var f struct {
		// Pointers tell a missing field, which changes nothing, from false.
		LowerCase    *bool   `json:"do_lower_case"`
		StripAccents *bool   `json:"strip_accents"`
		ChineseChars *bool   `json:"tokenize_chinese_chars"`
		MaxLength    float64 `json:"model_max_length"` // 1e30 means no limit
		Unknown      token   `json:"unk_token"`
		Class        token   `json:"cls_token"`
		Separator    token   `json:"sep_token"`
	}
	var s struct {
		MaxLength int `json:"max_seq_length"`
	}
	if err := readJSON(filepath.Join(dir, "tokenizer_config.json"), &f); err != nil {
		return err
	}
	if err := readJSON(filepath.Join(dir, "sentence_bert_config.json"), &s); err != nil {
		return err
	}
	if f.LowerCase != nil {
		c.Cased = !*f.LowerCase
	}
	if f.StripAccents != nil {
		c.Accents = accentsOf(f.StripAccents)
	}
	if f.ChineseChars != nil {
		c.JoinChinese = !*f.ChineseChars
	}
	c.Unknown, c.Class, c.Separator = or(string(f.Unknown), c.Unknown), string(f.Class), string(f.Separator)
	// Files without a limit have 1e30 here.
	if 1 <= f.MaxLength && f.MaxLength <= 1<<20 {
		c.MaxTokens = int(f.MaxLength)
	}
	// What the model was trained with is better than what it could take.
	c.MaxTokens = or(s.MaxLength, c.MaxTokens)
	return nil
}

// A token is written as its text, or as an object that has it.
type token string

// UnmarshalJSON implements json.Unmarshaler.
func (t *token) UnmarshalJSON(b []byte) error {
	var object struct{ Content string }
	if json.Unmarshal(b, &object) == nil {
		*t = token(object.Content)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// readJSON reads a file that may be missing.
func readJSON(path string, into any) error {
	b, err := file.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// isTrue reads a flag that is true if it is missing.
func isTrue(b *bool) bool { return b == nil || *b }

// accentsOf reads strip_accents, where null means by case.
func accentsOf(strip *bool) Accents {
	switch {
	case strip == nil:
		return AccentsByCase
	case *strip:
		return AccentsRemoved
	}
	return AccentsKept
}
