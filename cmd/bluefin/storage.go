package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// A storageFlag is the value of --storage: a path or a URL of a study file.
type storageFlag string

const defaultStorage storageFlag = "sqlite:///bluefin.db"

// flag is --storage, with a default from the environment.
func (s *storageFlag) flag() cli.Flag {
	return s.named("storage", "the study `FILE`: a path or a URL like sqlite:///relative.db, sqlite:////absolute.db")
}

// named returns the flag under another name.
func (s *storageFlag) named(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Destination: (*string)(s), Value: string(defaultStorage), EnvVars: storageVars(),
		Usage: usage}
}

// storageVars name the environment variables that hold the default, the first of them first.
func storageVars() []string { return []string{"BLUEFIN_STORAGE", "OPTUNA_STORAGE"} }

// path returns the path of the file. The error is a usage error.
func (s storageFlag) path() (string, error) { return storagePath("storage", string(s)) }

// open opens the file.
func (s storageFlag) open(ctx context.Context, o sqlite.Options) (*sqlite.DB, error) {
	path, err := s.path()
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, o)
	return db, s.missing(err)
}

// missing adds to the error for a missing file what makes it, if nobody named another one.
func (s storageFlag) missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) && s == defaultStorage {
		err = fmt.Errorf("%w: bluefin tune or create-study makes it, and --storage names another file", err)
	}
	return err
}

// storageURL matches any word before ://, or a database's name before a colon, which is a typo.
var storageURL = regexp.MustCompile(
	`^(?i:([a-z][a-z0-9+.-]+)(://)|((?:sqlite|file|mysql|mariadb|postgres|redis)[a-z0-9+]*):)(.*)$`)

// storagePath returns the path in the value of a flag: a path, or sqlite:/// and a path, as
// SQLAlchemy writes it. Errors do not repeat URLs of other kinds, which may contain passwords.
func storagePath(flag, value string) (string, error) {
	part := storageURL.FindStringSubmatch(value)
	switch {
	case value == "":
		return "", usagef("--%s is empty, want a path or sqlite:///PATH", flag)
	case inMemory(value):
		return "", usagef("--%s is %q, want a file: nothing in memory would be left after this command", flag, value)
	case part == nil:
		return value, nil
	}
	// The word before :// or before a colon.
	scheme, rest := cmp.Or(part[1], part[3]), part[4]
	switch {
	case scheme == "file":
		return "", usagef("--%s is a file URL, want a path or sqlite:///PATH; ./file:NAME is a path too", flag)
	case scheme != "sqlite" && scheme != "sqlite+pysqlite":
		return "", usagef("--%s is a URL of %s, want a path or sqlite:///PATH: this program keeps studies in "+
			"SQLite files only", flag, scheme)
	// sqlite://name would be a host in SQLAlchemy; three slashes are the usual stumbling
	// block.
	case part[2] == "" || !strings.HasPrefix(rest, "/") || rest == "/":
		return "", usagef("--%s is a %s URL without a path, want sqlite:///PATH with three slashes, or four before "+
			"an absolute path", flag, scheme)
	// SQLAlchemy takes parameters there; ignoring them would surprise.
	case strings.Contains(rest, "?"):
		return "", usagef("--%s is %q, want no parameters after the path", flag, value)
	}
	return unescape(rest[1:]), nil
}

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

// durabilityFlag chooses between safety and speed.
func durabilityFlag(level *string) cli.Flag {
	return choiceFlag(level, "durability", "how much a power cut may lose, by `LEVEL`: full loses no finished "+
		"trial; normal is faster and may lose the last ones. A killed process loses none with either", "full", "normal")
}
