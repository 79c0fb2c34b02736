package wordpiece

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/pytorch"
)

// scripts are where the letters of random texts come from.
var scripts = [][2]rune{
	{' ', '~'}, {' ', '~'}, {'a', 'z'}, {'a', 'z'}, {0x00A0, 0x024F}, {0x0300, 0x036F}, {0x0370, 0x03FF}, {0x0400, 0x052F}, {0x0531, 0x058F},
	{0x0590, 0x05FF}, {0x0600, 0x06FF}, {0x0900, 0x097F}, {0x0980, 0x09FF}, {0x0B80, 0x0BFF}, {0x0E00, 0x0E7F}, {0x10A0, 0x10FF}, {0x1100, 0x11FF},
	{0x1200, 0x137F}, {0x1E00, 0x1FFF}, {0x2000, 0x206F}, {0x2070, 0x218F}, {0x2190, 0x22FF}, {0x3000, 0x30FF}, {0x4E00, 0x4FFF}, {0xAC00, 0xACFF},
	{0xFB00, 0xFB4F}, {0xFE00, 0xFE6F}, {0xFF00, 0xFFEF}, {0x1D400, 0x1D7FF}, {0x1F300, 0x1F6FF}, {0x20000, 0x2A6DF},
}

// randomTexts mixes words of the vocabulary and letters of all scripts.
func randomTexts(vocabulary []string, n int) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	texts := make([]string, n)
	for i := range texts {
		var b strings.Builder
		own := scripts[rng.IntN(len(scripts))]
		for range 1 + rng.IntN(30) {
			switch rng.IntN(4) {
			case 0:
				b.WriteString(strings.TrimPrefix(vocabulary[rng.IntN(len(vocabulary))], prefix))
			case 1:
				b.WriteString(strings.ToUpper(vocabulary[rng.IntN(len(vocabulary))]))
			case 2:
				from := scripts[rng.IntN(len(scripts))]
				b.WriteRune(from[0] + rng.Int32N(from[1]-from[0]+1))
			case 3:
				for range 1 + rng.IntN(8) {
					b.WriteRune(own[0] + rng.Int32N(own[1]-own[0]+1))
				}
			}
			if rng.IntN(2) == 0 {
				b.WriteByte(' ')
			}
		}
		texts[i] = b.String()
	}
	return texts
}

// everyRune is texts that together have every character between an a and a b,
// which shows whether it is removed, a letter, an accent, a space or a mark.
func everyRune() []string {
	var texts []string
	var b strings.Builder
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) {
			b.WriteString("a" + string(r) + "b ")
		}
		if r%256 == 255 {
			texts = append(texts, b.String())
			b.Reset()
		}
	}
	return texts
}

func TestMiniLMAgreesWithTheReference(t *testing.T) {
	pytorch.Need(t)
	dir := pytorch.MiniLM(t)
	vocab, err := os.ReadFile(filepath.Join(dir, "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	vocabulary := strings.Split(strings.TrimSpace(string(vocab)), "\n")
	texts := append(randomTexts(vocabulary, 8000), everyRune()...)
	texts = append(texts, load(t).Texts...)
	type question struct {
		Folder    string `json:"folder"`
		MaxTokens int    `json:"max_tokens"`
	}
	names := []string{"as it is"}
	folders := []string{dir}
	for name, config := range map[string]string{
		"uncased":             `{"model_max_length": 2048}`,
		"cased":               `{"model_max_length": 2048, "do_lower_case": false}`,
		"cased, accents gone": `{"model_max_length": 2048, "do_lower_case": false, "strip_accents": true}`,
	} {
		names = append(names, name)
		folders = append(folders, folder(t, map[string]string{"vocab.txt": string(vocab), "config.json": `{"model_type":"bert"}`, "tokenizer_config.json": config}))
	}
	questions := make([]question, len(names))
	tokenizers := make([]*Tokenizer, len(names))
	for i, dir := range folders {
		if tokenizers[i], err = Load(dir); err != nil {
			t.Fatal(err)
		}
		if n := tokenizers[i].Size(); n != 30522 {
			t.Errorf("%s: %d tokens, want 30522", names[i], n)
		}
		questions[i] = question{dir, tokenizers[i].MaxTokens()}
	}
	if got := tokenizers[0].MaxTokens(); got != 256 {
		t.Errorf("at most %d tokens, want 256, which sentence_bert_config.json says", got)
	}
	var answers [][][]int32
	pytorch.Ask(t, "testdata/reference.py", map[string]any{"texts": texts, "tokenizers": questions}, &answers)
	for k, tokenizer := range tokenizers {
		wrong := 0
		for i, text := range texts {
			want := answers[k][i]
			if got := tokenizer.Encode(text); !slices.Equal(got, want) {
				if wrong++; wrong <= 10 {
					t.Errorf("%s: tokens of %q are\n%q, want\n%q", names[k], text, tokenizer.texts(got), tokenizer.texts(want))
				}
			}
		}
		if wrong > 0 {
			t.Errorf("%s: %d of %d texts are cut another way", names[k], wrong, len(texts))
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	tokenizer := load(b).tokenizer(b, Config{})
	text := strings.Repeat("The cat sat on the mat, unaffably walking in Berlin. ", 8)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tokenizer.Encode(text)
	}
}
