package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"
)

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write (default: standard output)"}
}

func forceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "force", Usage: "replace the file whatever it holds, unless it is a database"}
}

// writeOutput writes text to standard output or to the file that --output
// names. It reports whether that was a file.
func writeOutput(c *cli.Context, text []byte) (file bool, err error) {
	path := c.String("output")
	if path == "" || path == "-" {
		_, err = c.App.Writer.Write(text)
		return false, err
	}
	return true, writeFile(c, path, text)
}

// writeFile writes a file as a whole or not at all: a full disk or a kill leaves
// what was there. Pipes and character devices are written to. What is no earlier
// output of the same command is replaced only with --force, and a database is
// never replaced.
func writeFile(c *cli.Context, path string, text []byte) error {
	return streamFile(c, path, text, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// streamFile is writeFile of what write writes, of which text is the beginning.
func streamFile(c *cli.Context, path string, text []byte, write func(io.Writer) error) error {
	err := checkTarget(c, path)
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = replaceFile(path, nil, write)
	case err != nil:
	case !info.Mode().IsRegular():
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			err = errors.Join(write(f), f.Close())
		}
	case !c.Bool("force") && !earlierOutput(path, text):
		err = errors.New("it exists and is no earlier output of this command: --force replaces it")
	default:
		err = replaceFile(path, info, write)
	}
	return writeError(path, err)
}

// writeError says what could not be written, without the names of temporary
// files.
func writeError(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// checkTarget returns an error if no file may be written at path, whether
// forced or not. Commands that work for long call it first.
func checkTarget(c *cli.Context, path string) error {
	err := checkPlace(c, path)
	if err != nil {
		return err
	}
	database, err := isDatabase(path)
	if database {
		return errors.New("it is a SQLite database, which is never replaced: want another name")
	}
	return err
}

// checkPlace returns an error if path is no place for a file: there is a folder
// or a disk, or it is where a database keeps a part of itself.
func checkPlace(c *cli.Context, path string) error {
	if study, err := storagePath(c.String("storage")); err == nil {
		for _, suffix := range append(databaseParts, "") {
			if sameFile(path, realPath(study)+suffix) {
				return errors.New("it is the study file, or a part of it")
			}
		}
	}
	if base, ok := databasePart(realPath(path)); ok {
		if database, _ := isDatabase(base); database {
			return fmt.Errorf("it is a part of the database %s", base)
		}
	}
	info, err := os.Stat(path)
	switch link, linkErr := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist) && linkErr == nil && link.Mode()&fs.ModeSymlink != 0:
		return errors.New("it is a link to a file that does not exist")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular() && info.Mode()&(fs.ModeCharDevice|fs.ModeNamedPipe) == 0:
		return errors.New("it is no ordinary file")
	}
	return nil
}

// databaseParts are what the names of files end with that SQLite, and the turns
// of writers, keep beside a database.
var databaseParts = []string{"-wal", "-shm", "-journal", ".lock"}

// databasePart splits the name of such a file.
func databasePart(path string) (base string, ok bool) {
	for _, suffix := range databaseParts {
		if n := len(path) - len(suffix); n > 0 && strings.EqualFold(path[n:], suffix) {
			return path[:n], true
		}
	}
	return "", false
}

// isDatabase reports whether an ordinary file begins as a SQLite database or its
// log does.
func isDatabase(path string) (bool, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head)
	for _, magic := range []string{"SQLite format 3\x00", "\x37\x7f\x06\x82", "\x37\x7f\x06\x83"} {
		if bytes.HasPrefix(head[:n], []byte(magic)) {
			return true, nil
		}
	}
	return false, nil
}

func sameFile(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

// realPath resolves symbolic links, where there are any.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path)) // of a file to be made
	}
	return path
}

// earlierOutput reports whether the file at path may be replaced by text without
// asking: it is empty, or it is JSON whose first object has no names but those
// of text, or it is another format and its first line is that of text.
func earlierOutput(path string, text []byte) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	const most = 16 << 20 // bytes that the first object may take
	old, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return false
	}
	if len(old) == 0 {
		return true
	}
	want, isJSON := firstNames(text)
	if !isJSON {
		return firstLine(old) == firstLine(text)
	}
	names, ok := firstNames(old)
	for name := range names {
		ok = ok && want[name] != nil
	}
	return ok
}

// firstNames returns the first object of JSON text: that which it begins with,
// or the first of a list.
func firstNames(text []byte) (object map[string]json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if bytes.HasPrefix(text, []byte("[")) {
		if _, err := d.Token(); err != nil || !d.More() {
			return nil, err == nil
		}
	}
	err := d.Decode(&object)
	return object, err == nil
}

func firstLine(text []byte) string {
	line, _ := bufio.NewReader(bytes.NewReader(text)).ReadString('\n')
	return line
}

// replaceFile writes beside the file at path and then renames. old is what is
// there, nil if nothing is.
func replaceFile(path string, old fs.FileInfo, write func(io.Writer) error) (err error) {
	path = realPath(path)
	temporary := filepath.Join(filepath.Dir(path), ".bluefin-"+uuid.NewString())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	err = write(f)
	if err == nil && old != nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temporary, path); err != nil {
		return err
	}
	_ = syncPath(filepath.Dir(path)) // where a folder can be
	return nil
}
