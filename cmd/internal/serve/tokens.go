package serve

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

// A Client is who sends requests, as far as its token says.
type Client struct {
	Name  string // for logs and limits; "": there are no tokens
	Write bool   // may change studies
}

// Tokens are those of a file. The file is read again when it has changed.
type Tokens struct {
	path string

	mu     sync.Mutex // guards the following
	all    []token
	info   os.FileInfo
	looked time.Time
}

// A token is kept as its hash, so that no log, panic or dump of memory shows it.
type token struct {
	sum    [sha256.Size]byte
	client Client
}

const (
	leastToken  = 16 // bytes
	lookAgain   = time.Second
	mostTokens  = 1000
	mostWords   = 3
	readOnly    = "read-only"
	readAndMore = "read-write"
)

var tokenName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// OpenTokens reads a file with a token in each line: TOKEN [read-only|read-write] [NAME]. Without a word a token may
// write. Empty lines and those that start with # say nothing. Errors name lines, never tokens.
func OpenTokens(path string) (*Tokens, error) {
	t := &Tokens{path: path}
	return t, t.read()
}

func (t *Tokens) read() error {
	info, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(t.path)
	if err != nil {
		return err
	}
	all, err := parseTokens(text)
	if err != nil {
		return fmt.Errorf("%s:%w", t.path, err)
	}
	t.all, t.info = all, info
	return nil
}

func parseTokens(text []byte) (all []token, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		one := token{sha256.Sum256([]byte(words[0])), Client{Name: fmt.Sprintf("line-%d", n), Write: true}}
		if len(words[0]) < leastToken || message.Visible(words[0]) != words[0] {
			return nil, fmt.Errorf("%d: the token is not one word of at least %d characters", n, leastToken)
		}
		rest := words[1:]
		if len(rest) > 0 && (rest[0] == readOnly || rest[0] == readAndMore) {
			one.client.Write = rest[0] == readAndMore
			rest = rest[1:]
		}
		if len(rest) > 0 {
			one.client.Name, rest = rest[0], rest[1:]
		}
		if len(rest) > 0 || !tokenName.MatchString(one.client.Name) {
			return nil, fmt.Errorf("%d: want TOKEN, TOKEN read-only or TOKEN read-write, and then perhaps a NAME of "+
				"letters, digits, ., _ and -", n)
		}
		for _, other := range all {
			if other.sum == one.sum || other.client.Name == one.client.Name {
				return nil, fmt.Errorf("%d: its token or name is that of an earlier line", n)
			}
		}
		all = append(all, one)
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("%d: %w", len(all)+1, lines.Err())
	case len(all) == 0:
		return nil, fmt.Errorf("1: the file has no token, want one of at least %d characters in a line", leastToken)
	case len(all) > mostTokens:
		return nil, fmt.Errorf("%d: there are %d tokens, want at most %d", mostTokens+1, len(all), mostTokens)
	}
	return all, nil
}

// Find returns the client of a token. How long it takes depends on neither text.
func (t *Tokens) Find(text string) (c Client, ok bool) {
	sum := sha256.Sum256([]byte(text))
	found := 0
	for _, one := range t.now() {
		if subtle.ConstantTimeCompare(sum[:], one.sum[:]) == 1 {
			c, found = one.client, 1
		}
	}
	return c, found == 1
}

// now returns the tokens of the file, or those of its last sound version.
func (t *Tokens) now() []token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.looked) < lookAgain {
		return t.all
	}
	t.looked = time.Now()
	if info, err := os.Stat(t.path); err == nil && (t.info == nil || !info.ModTime().Equal(t.info.ModTime()) || info.Size() != t.info.Size()) {
		_ = t.read() // half a file is not a reason to lock everybody out
	}
	return t.all
}

// bearer returns the token of a request.
func bearer(r *http.Request) (string, bool) {
	kind, text, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(text), ok && strings.EqualFold(kind, "bearer")
}
