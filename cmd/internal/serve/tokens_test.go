package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTokenFiles(t *testing.T) {
	const long = "0123456789abcdef"
	for text, want := range map[string]string{
		"":                         "1: the file has no token",
		"# only this\n\n":          "1: the file has no token",
		"short":                    "1: the token is not one word of at least 16 characters",
		"\n" + long + " admin x y": "2: want TOKEN, TOKEN read-only or TOKEN read-write",
		long + "\n" + long:         "2: its token or name is that of an earlier line",
		long + " read-only a\n" + long + "x read-only a": "2: its token or name",
		long + " read-only na/me":                        "1: want TOKEN",
		long + "\u202e":                                  "1: the token is not one word",
		long + " read-only ":                             "",
		long + " worker-1\r\n" + long + "2":              "",
	} {
		_, err := parseTokens([]byte(text))
		if (err == nil) != (want == "") || err != nil && (!strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), long)) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(long + " read-only ann\n" + long + "2\n")
	tokens, err := OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := tokens.Find(long); !ok || c != (Client{"ann", false}) {
		t.Errorf("got %v %v", c, ok)
	}
	if c, ok := tokens.Find(long + "2"); !ok || c != (Client{"line-2", true}) {
		t.Errorf("got %v %v", c, ok)
	}
	for _, text := range []string{"", long + "3", strings.ToUpper(long)} {
		if _, ok := tokens.Find(text); ok {
			t.Errorf("%q is a token", text)
		}
	}
	write("half a fi") // is being written
	time.Sleep(lookAgain + 10*time.Millisecond)
	if _, ok := tokens.Find(long); !ok {
		t.Error("a damaged file locks everybody out")
	}
	write(long + "new read-write bob\n")
	time.Sleep(lookAgain + 10*time.Millisecond)
	if c, ok := tokens.Find(long + "new"); !ok || c.Name != "bob" {
		t.Errorf("a new token: got %v %v", c, ok)
	}
	if _, ok := tokens.Find(long); ok {
		t.Error("a token that has left the file is still one")
	}
}

func FuzzParseTokens(f *testing.F) {
	f.Add([]byte("0123456789abcdef read-only ann\n# x\n0123456789abcdeg\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseTokens(text)
		if err != nil && (len(all) > 0 || strings.ContainsAny(err.Error(), "\n")) {
			t.Errorf("got %d tokens and %q", len(all), err)
		}
		for _, one := range all {
			if !tokenName.MatchString(one.client.Name) {
				t.Errorf("got the name %q", one.client.Name)
			}
		}
	})
}
