package wordpiece

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tokenizerJSON is the vocabulary in the form of the newer file, uncased.
func (v vectors) tokenizerJSON(t *testing.T) string {
	t.Helper()
	vocab := make(map[string]int)
	for i, token := range v.Vocabulary {
		vocab[token] = i
	}
	b, err := json.Marshal(map[string]any{
		"normalizer":    map[string]any{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"model":         map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab},
		"added_tokens":  []any{map[string]any{"id": 4, "content": "[MASK]", "special": true, "normalized": false, "single_word": false}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLoad(t *testing.T) {
	v := load(t)
	vocabulary, newer := strings.Join(v.Vocabulary, "\n")+"\n", v.tokenizerJSON(t)
	const text = "Berlin [MASK] über日"
	uncased := []string{"[CLS]", "berlin", "[MASK]", "uber", "日", "[SEP]"}
	cased := []string{"[CLS]", "Berlin", "[MASK]", "über", "日", "[SEP]"}
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
		max   int
	}{
		"vocab.txt alone is uncased": {map[string]string{"vocab.txt": vocabulary}, uncased, 512},
		"vocab.txt of Windows":       {map[string]string{"vocab.txt": strings.ReplaceAll(vocabulary, "\n", "\r\n")}, uncased, 512},
		"tokenizer.json alone":       {map[string]string{"tokenizer.json": newer}, uncased, 512},
		"tokenizer.json goes before": {map[string]string{"tokenizer.json": newer, "vocab.txt": "[UNK]\n[CLS]\n[SEP]\n"}, uncased, 512},
		"tokenizer.json that is cased": {map[string]string{
			"tokenizer.json": strings.Replace(newer, `"lowercase":true`, `"lowercase":false`, 1),
		}, cased, 512},
		"tokenizer_config.json goes before tokenizer.json": {map[string]string{
			"tokenizer.json": newer, "tokenizer_config.json": `{"do_lower_case": false, "model_max_length": 128}`,
		}, cased, 128},
		"accents kept and Chinese joined, by tokenizer_config.json": {map[string]string{
			"vocab.txt": vocabulary, "tokenizer_config.json": `{"strip_accents": false, "tokenize_chinese_chars": false}`,
		}, []string{"[CLS]", "berlin", "[MASK]", "[UNK]", "[SEP]"}, 512},
		"max_seq_length goes before model_max_length": {map[string]string{
			"vocab.txt": vocabulary, "tokenizer_config.json": `{"model_max_length": 128}`, "sentence_bert_config.json": `{"max_seq_length": 64}`,
		}, uncased, 64},
		"no limit is 512": {map[string]string{
			"vocab.txt": vocabulary, "tokenizer_config.json": `{"model_max_length": 1000000000000000019884624838656}`,
		}, uncased, 512},
		"special tokens by other names": {map[string]string{
			"vocab.txt": vocabulary, "tokenizer_config.json": `{"cls_token": {"content": "cat"}, "sep_token": "mat", "unk_token": null}`,
		}, []string{"cat", "berlin", "[MASK]", "uber", "日", "mat"}, 512},
	} {
		tokenizer, err := Load(folder(t, c.files))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := tokenizer.texts(tokenizer.Encode(text)); !slices.Equal(got, c.want) {
			t.Errorf("%s: tokens are %q, want %q", name, got, c.want)
		}
		if got := tokenizer.MaxTokens(); got != c.max {
			t.Errorf("%s: at most %d tokens, want %d", name, got, c.max)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	whole := load(t).tokenizerJSON(t)
	replaced := func(old, new string) map[string]string {
		if !strings.Contains(whole, old) {
			t.Fatalf("no %s in the file", old)
		}
		return map[string]string{"tokenizer.json": strings.Replace(whole, old, new, 1)}
	}
	for want, files := range map[string]map[string]string{
		"has neither tokenizer.json nor vocab.txt":            {},
		`model.type is "BPE", want WordPiece`:                 replaced(`"type":"WordPiece"`, `"type":"BPE"`),
		`continuing_subword_prefix is "@@"`:                   replaced(`"##","max`, `"@@","max`),
		`normalizer.type is "NFC", want BertNormalizer`:       replaced("BertNormalizer", "NFC"),
		`normalizer.clean_text is "false"`:                    replaced(`"clean_text":true`, `"clean_text":false`),
		`pre_tokenizer.type is "Metaspace"`:                   replaced("BertPreTokenizer", "Metaspace"),
		`added token "[MASK]" is single_word or normalized`:   replaced(`"single_word":false`, `"single_word":true`),
		"model.vocab: json":                                   replaced(`"cat":`, `"cat":"x","dog":`),
		"tokenizer.json: unexpected end of JSON":              {"tokenizer.json": "{"},
		"tokenizer_config.json: unexpected end":               {"vocab.txt": "[UNK]\n[CLS]\n[SEP]\n", "tokenizer_config.json": "{"},
		"sentence_bert_config.json: unexpected end":           {"vocab.txt": "[UNK]\n[CLS]\n[SEP]\n", "sentence_bert_config.json": "{"},
		`special token "[SEP]" is not in the vocabulary of 2`: {"vocab.txt": "[UNK]\n[CLS]\n"},
		"MaxTokens is 1, want at least 2":                     {"vocab.txt": "[UNK]\n[CLS]\n[SEP]\n", "sentence_bert_config.json": `{"max_seq_length": 1}`},
	} {
		if _, err := Load(folder(t, files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}
