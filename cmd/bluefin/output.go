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
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study/plot/picture"
)

// outputFlags say where a command writes.
type outputFlags struct {
	path  string // "" and "-": standard output
	force bool   // replace also other files than earlier outputs
}

// flags are --output and --force.
func (o *outputFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Destination: &o.path, Aliases: []string{"o"},
			Usage: "the `FILE` to write (default: standard output)"},
		&cli.BoolFlag{Name: "force", Destination: &o.force,
			Usage: "overwrite any file but a database"},
	}
}

// toFile reports whether there is a file to write.
func (o outputFlags) toFile() bool { return o.path != "" && o.path != "-" }

// write writes text, and reports whether it went to a file. db is the study file of the command,
// which is never replaced.
func (o outputFlags) write(con console, db storageFlag, text []byte) (file bool, err error) {
	write := func(w io.Writer) error { _, err := w.Write(text); return err }
	if !o.toFile() {
		return false, write(con.out)
	}
	return true, o.stream(db, text, write)
}

// stream calls write with the file, whose contents begin with text. The file is written whole or not
// at all: a full disk or a kill leaves the old one. Pipes and character devices are just written to.
// Only an earlier output of the same command is replaced without --force, and a database never is.
func (o outputFlags) stream(db storageFlag, text []byte, write func(io.Writer) error) error {
	err := checkPlace(db, o.path)
	database := false
	if err == nil {
		database, err = isDatabase(o.path)
	}
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(o.path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = replaceFile(o.path, nil, write)
	case err != nil:
	// Opened without creating it: checkPlace has seen a pipe or a device.
	case !info.Mode().IsRegular():
		var f *os.File
		if f, err = os.OpenFile(o.path, os.O_WRONLY, 0); err == nil {
			err = errors.Join(write(f), f.Close())
		}
	// Even with --force: a study file that is overwritten by mistake is gone.
	case database:
		err = errors.New("it is a SQLite database, which is never replaced: want another name")
	case !o.force && !earlierOutput(o.path, text):
		err = errors.New("it exists and is not an earlier output of this command: --force replaces it")
	default:
		err = replaceFile(o.path, info, write)
	}
	return writeError(o.path, err)
}

// writeError names the file that was not written, and no temporary one.
func writeError(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		// The name in it would be that of the temporary file.
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// checkPlace returns an error if no file can be at path: it is a folder or a disk, the study file db
// or a part of it, or where another database keeps a part of itself.
func checkPlace(db storageFlag, path string) error {
	if p, err := db.place(); err == nil && p.isFile() {
		// Writing to the log would destroy the study file as surely.
		for _, suffix := range append(databaseParts, "") {
			if sameFile(path, realPath(p.path)+suffix) {
				return errors.New("it is the study file, or a part of it")
			}
		}
	}
	// Only beside a real database: a file called notes.lock is the user's.
	if base, ok := databasePart(realPath(path)); ok {
		if database, _ := isDatabase(base); database {
			return fmt.Errorf("it is a part of the database %s", base)
		}
	}
	info, err := os.Stat(path)
	switch link, linkErr := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist) && linkErr == nil && link.Mode()&fs.ModeSymlink != 0:
		// Renaming would replace the link, writing would create a file elsewhere.
		return errors.New("it is a link to a file that does not exist")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular() && info.Mode()&(fs.ModeCharDevice|fs.ModeNamedPipe) == 0:
		return errors.New("it is not a regular file")
	}
	return nil
}

// databaseParts are the endings of the files that SQLite keeps beside a database, and of the one by
// which our writers take turns.
var databaseParts = []string{"-wal", "-shm", "-journal", ".lock"}

// databasePart splits off such an ending.
func databasePart(path string) (base string, ok bool) {
	for _, suffix := range databaseParts {
		if n := len(path) - len(suffix); n > 0 && strings.EqualFold(path[n:], suffix) {
			return path[:n], true
		}
	}
	return "", false
}

// isDatabase reports whether an ordinary file begins as a SQLite database or its log does.
func isDatabase(path string) (bool, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		// What is not there, or not a file, is handled by the caller.
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	// A shorter file matches none.
	n, _ := io.ReadFull(f, head)
	// The database, and the two byte orders of a log.
	magics := []string{"SQLite format 3\x00", "\x37\x7f\x06\x82", "\x37\x7f\x06\x83"}
	return slices.ContainsFunc(magics, func(magic string) bool { return bytes.HasPrefix(head[:n], []byte(magic)) }), nil
}

// sameFile reports whether two paths lead to one file, through links too.
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

// earlierOutput reports whether the file at path looks like an earlier text, so that it may be
// replaced without asking: it is empty; or JSON whose first object has no names but those of text; or
// another format with the same first line, or beginning of it.
func earlierOutput(path string, text []byte) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	const most = 16 << 20 // bytes, more than the first object takes
	old, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return false
	}
	if len(old) == 0 {
		return true
	}
	want, isJSON := firstNames(text)
	switch mark := []byte(picture.Mark); {
	case isJSON:
	case bytes.Contains(text, mark): // files of the same format begin alike, whoever made them
		return bytes.Contains(old, mark)
	case !bytes.Contains(text, []byte("\n")): // the beginning of a line, whose end may vary
		return bytes.HasPrefix(old, text)
	default:
		return firstLine(old) == firstLine(text)
	}
	// An earlier output may lack names that only some trials have.
	names, ok := firstNames(old)
	for name := range names {
		ok = ok && want[name] != nil
	}
	return ok
}

// firstNames returns the first object of JSON text, which may be in a list.
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

// firstLine returns the first line with its end, or all of a text without one.
func firstLine(text []byte) string {
	line, _ := bufio.NewReader(bytes.NewReader(text)).ReadString('\n')
	return line
}

// replaceFile writes a file beside path and renames it. old is the file at path, nil if there is none.
// Like putFolder and sqlite.Backup, it is safe against kills and power cuts.
func replaceFile(path string, old fs.FileInfo, write func(io.Writer) error) (err error) {
	path = realPath(path)
	// In the same folder, because a rename does not cross file systems.
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
		// Others may read the old file, so they may read the new one.
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		// Before the rename: a power cut must not leave an empty file under the name.
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temporary, path); err != nil {
		return err
	}
	_ = syncPath(filepath.Dir(path)) // not every system can sync a folder
	return nil
}
