package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// Every flag of the command line is made anew for each command that has it.

func storageFlag() cli.Flag {
	return &cli.StringFlag{Name: "storage", Value: "sqlite:///bluefin.db", EnvVars: storageVars(),
		Usage: "the study `FILE`: a path or a URL like sqlite:///relative.db, sqlite:////absolute.db"}
}

// storageVars are looked at in turn where --storage is not given.
func storageVars() []string { return []string{"BLUEFIN_STORAGE", "OPTUNA_STORAGE"} }

func studyNameFlag() cli.Flag {
	return &cli.StringFlag{Name: "study-name", Usage: "the `NAME` of the study"}
}

// A storage that is a URL: any word and ://, or the word of a database and a
// colon, which somebody has mistyped.
var storageURL = regexp.MustCompile(`^(?i:([a-z][a-z0-9+.-]+)(://)|((?:sqlite|file|mysql|mariadb|postgres|redis)[a-z0-9+]*):)(.*)$`)

// storagePath returns the path of the SQLite file that a --storage value
// names: a path, or sqlite:/// and a path, as SQLAlchemy writes it. Its errors
// do not repeat URLs of other kinds, which may hold passwords.
func storagePath(value string) (string, error) {
	part := storageURL.FindStringSubmatch(value)
	switch {
	case value == "":
		return "", usagef("--storage is empty, want a path or sqlite:///PATH")
	case inMemory(value):
		return "", usagef("--storage is %q, want a file: nothing in memory would be left after this command", value)
	case part == nil:
		return value, nil
	}
	scheme, rest := cmp.Or(part[1], part[3]), part[4]
	switch {
	case scheme == "file":
		return "", usagef("--storage is a file URL, want a path or sqlite:///PATH; ./file:NAME is a path too")
	case scheme != "sqlite" && scheme != "sqlite+pysqlite":
		return "", usagef("--storage is a URL of %s, want a path or sqlite:///PATH: this program keeps studies in SQLite files only", scheme)
	case part[2] == "" || !strings.HasPrefix(rest, "/") || rest == "/":
		return "", usagef("--storage is a %s URL without a path, want sqlite:///PATH with three slashes, or four before an absolute path", scheme)
	case strings.Contains(rest, "?"):
		return "", usagef("--storage is %q, want no parameters after the path", value)
	}
	return unescape(rest[1:]), nil
}

// inMemory reports whether a storage is one of SQLite's databases without a
// file.
func inMemory(value string) bool {
	return value == ":memory:" || strings.HasSuffix(value, "/:memory:") || strings.HasPrefix(value, "file:") && strings.Contains(value, "memory")
}

var escaped = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// unescape replaces %20 and the like as SQLAlchemy does: a percent sign before
// anything else stands for itself.
func unescape(path string) string {
	return escaped.ReplaceAllStringFunc(path, func(s string) string {
		b, _ := strconv.ParseUint(s[1:], 16, 8)
		return string([]byte{byte(b)})
	})
}

func durabilityFlag() cli.Flag {
	return &cli.StringFlag{Name: "durability", Value: "full",
		Usage: "what a power cut may cost, `LEVEL` is full or normal. With full no trial that has ended is lost; with normal the last ones may be, but no trial waits for the disk. A killed process loses none either way"}
}

// noSync reads --durability.
func noSync(c *cli.Context) (bool, error) {
	name, err := oneOf("durability", c.String("durability"), "full", "normal")
	return name == "normal", err
}

// openStorage opens the file that --storage names.
func openStorage(c *cli.Context, o sqlite.Options) (*sqlite.DB, error) {
	path, err := storagePath(c.String("storage"))
	if err != nil {
		return nil, err
	}
	return sqlite.Open(c.Context, path, o)
}

// withStudy calls f with the study that --study-name names. Without a name it
// takes the only study that there is.
func withStudy(c *cli.Context, o sqlite.Options, cfg study.Config, f func(*study.Study) error) (err error) {
	db, err := openStorage(c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Storage, cfg.Name, cfg.Logger = db, c.String("study-name"), newLogger(c.App.ErrWriter)
	if cfg.Name == "" {
		if cfg.Name, err = onlyStudy(c, db); err != nil {
			return err
		}
	}
	s, err := study.Load(c.Context, cfg)
	if err != nil {
		return studyError(c, db, cfg.Name, err)
	}
	return f(s)
}

// studyError says which study was meant by a name that no study has.
func studyError(c *cli.Context, db storage.Storage, name string, err error) error {
	if !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	all, listErr := db.Studies(c.Context)
	if listErr != nil {
		return err
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return errors.New(didYouMean(err.Error(), name, names, strconv.Quote))
}

func onlyStudy(c *cli.Context, db storage.Storage) (string, error) {
	all, err := db.Studies(c.Context)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", fmt.Errorf("%s has no study", c.String("storage"))
	}
	if len(all) != 1 {
		var names []string
		for _, s := range all {
			names = append(names, strconv.Quote(s.Name))
		}
		return "", usagef("--study-name is missing, and %s has %d studies: %s", c.String("storage"), len(all), listed(names))
	}
	return all[0].Name, nil
}

// logf says what was done, unless --quiet.
func logf(c *cli.Context, format string, args ...any) {
	if c.Bool("quiet") {
		return
	}
	message.Fprintf(c.App.ErrWriter, format+"\n", args...)
}
