package main

import (
	"cmp"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve"
)

// A place is where studies are kept. It prints without passwords.
type place struct {
	path   string // of a study file; "": there is a URL
	scheme string // of the URL: postgresql, http or https; "": there is a path
	url    string // with its passwords
	shown  string // without
}

// isFile reports whether the place is a study file.
func (p place) isFile() bool { return p.scheme == "" }

// thisMachine reports whether each machine takes the URL for one of its own.
func (p place) thisMachine() bool {
	u, err := url.Parse(p.url)
	return err == nil && !p.isFile() && serve.IsLoopback(u.Hostname())
}

// String is for messages.
func (p place) String() string { return cmp.Or(p.path, p.shown) }

// absolute returns the place for programs that run in another folder.
func (p place) absolute() (place, error) {
	if !p.isFile() {
		return p, nil
	}
	path, err := filepath.Abs(p.path)
	return place{path: path}, err
}

// secret reports whether the URL has a password.
func (p place) secret() bool { return p.shown != p.url }

// shellWord is the place in a command for a shell. A URL with a password is left to the environment.
func (p place) shellWord() string {
	if p.secret() {
		return `"$` + storageVars()[0] + `"`
	}
	return shellWord(p.String())
}

// command returns a command for a shell that works on this storage: the command with its subcommand,
// --storage, and the other words.
func (p place) command(name []string, words ...string) string {
	line := shellLine(name...) + " --storage " + p.shellWord()
	if len(words) > 0 {
		line += " " + shellLine(words...)
	}
	return line
}

// storageURL matches any word before ://, or a database's name before a colon, which is a typo.
var storageURL = regexp.MustCompile(
	`^(?i:([a-z][a-z0-9+.-]+)(://)|((?:sqlite|file|mysql|mariadb|postgres|postgresql|redis|https?)(?:\+[a-z0-9]+)?):)(.*)$`)

// newPlace returns the place that the value of a flag names: a path, sqlite:/// and a path, as SQLAlchemy
// writes it, or the URL of a server. Errors do not repeat URLs, which may contain passwords.
func newPlace(flag, value string) (place, error) {
	part := storageURL.FindStringSubmatch(value)
	switch {
	case value == "":
		return place{}, usagef("--%s is empty, want a path or a URL", flag)
	case inMemory(value):
		return place{}, usagef("--%s is %q, want a file: nothing in memory would be left after this command", flag, value)
	case part == nil:
		return place{path: value}, nil
	}
	// The word before :// or before a colon.
	word, rest := cmp.Or(part[1], part[3]), part[4]
	scheme, _, _ := strings.Cut(strings.ToLower(word), "+") // SQLAlchemy names a driver after a plus sign
	switch scheme {
	case "file":
		return place{}, usagef("--%s is a file URL, want a path or sqlite:///PATH; ./file:NAME is a path too", flag)
	case "mysql", "mariadb":
		return place{}, usagef("--%s is a URL of %s, which this program does not read: optuna.copy_study copies the "+
			"study to sqlite:///PATH or postgresql://HOST/DATABASE", flag, word)
	case "postgresql", "postgres":
		return urlPlace(flag, "postgresql", rest, part[2] != "")
	case "http", "https":
		return urlPlace(flag, scheme, rest, part[2] != "")
	case "sqlite":
		return sqlitePlace(flag, value, word, rest, part[2] != "")
	}
	return place{}, usagef("--%s is a URL of %s, want a path, sqlite:///PATH, postgresql://HOST/DATABASE or "+
		"http://HOST:PORT of bluefin serve", flag, word)
}

// sqlitePlace returns the path in a URL.
func sqlitePlace(flag, value, word, rest string, slashes bool) (place, error) {
	switch {
	// sqlite://name would be a host in SQLAlchemy; three slashes are the usual stumbling
	// block.
	case !slashes || !strings.HasPrefix(rest, "/") || rest == "/":
		return place{}, usagef("--%s is a %s URL without a path, want sqlite:///PATH with three slashes, or four before "+
			"an absolute path", flag, word)
	// SQLAlchemy takes parameters there; ignoring them would surprise.
	case strings.Contains(rest, "?"):
		return place{}, usagef("--%s is %q, want no parameters after the path", flag, value)
	}
	return place{path: unescape(rest[1:])}, nil
}

// urlPlace returns the place of a server, where rest follows the scheme and, if there are slashes, ://.
func urlPlace(flag, scheme, rest string, slashes bool) (place, error) {
	web := scheme != "postgresql"
	want := "postgresql://USER@HOST:PORT/DATABASE"
	if web {
		want = scheme + "://HOST:PORT"
	}
	p := place{scheme: scheme, url: scheme + "://" + rest}
	u, err := url.Parse(p.url)
	switch {
	// An unescaped / or # in a password ends the host.
	case !slashes, err != nil, u.Fragment != "", strings.Contains(u.Host+u.Path+u.RawQuery, "@"):
		return place{}, usagef("--%s is a URL of %s that cannot be read, want %s, with %%40 for @ and the like", flag,
			scheme, want)
	case web && u.Hostname() == "":
		return place{}, usagef("--%s is a URL of %s without a host, want %s", flag, scheme, want)
	case web && (u.User != nil || u.RawQuery != ""):
		return place{}, usagef("--%s is a URL of %s with more than a host and a path, want %s, and the token in "+
			"BLUEFIN_TOKEN or in the file of BLUEFIN_TOKEN_FILE", flag, scheme, want)
	case web:
		p.url = strings.TrimRight(p.url, "/")
	}
	p.shown = withoutSecrets(p.url, u)
	return p, nil
}

// withoutSecrets returns the text of a URL, or one that lacks the password and secret parameters.
func withoutSecrets(text string, u *url.URL) string {
	shown := *u
	secret := false
	if _, ok := u.User.Password(); ok {
		secret, shown.User = true, url.User(u.User.Username())
	}
	var kept []string
	for _, param := range strings.Split(u.RawQuery, "&") {
		name, _, _ := strings.Cut(param, "=")
		if name, err := url.QueryUnescape(name); err != nil || secretParam.MatchString(name) {
			secret = true
			continue
		}
		kept = append(kept, param)
	}
	if !secret {
		return text
	}
	shown.RawQuery = strings.Join(kept, "&")
	return shown.String()
}

var secretParam = regexp.MustCompile(`(?i)pass|secret|token`)

// inMemory reports whether SQLite keeps a database of that name in memory.
func inMemory(value string) bool {
	return value == ":memory:" || strings.HasSuffix(value, "/:memory:") ||
		strings.HasPrefix(value, "file:") && strings.Contains(value, "memory")
}

// escaped matches what a URL writes for one byte.
var escaped = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// unescape replaces %20 and the like. Other percent signs stay as they are, as in SQLAlchemy.
func unescape(path string) string {
	return escaped.ReplaceAllStringFunc(path, func(s string) string {
		// The pattern has checked the digits.
		b, _ := strconv.ParseUint(s[1:], 16, 8)
		return string([]byte{byte(b)})
	})
}
