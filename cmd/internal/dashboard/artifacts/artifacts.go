// Package artifacts reads and adds the files that optuna.artifacts attaches to studies and trials:
// an attribute for each, and its bytes in a folder, under the artifact's ID.
package artifacts

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// An Artifact describes a file.
type Artifact struct {
	ID       string  `json:"artifact_id"`
	Filename string  `json:"filename"`
	MimeType string  `json:"mimetype"`
	Encoding *string `json:"encoding"` // such as gzip; nil: none
}

const (
	prefix = "artifacts:"

	// legacy is the prefix that early versions of optuna-dashboard used in studies, before the ID of a
	// trial and a colon.
	legacy = "dashboard:artifacts:"

	// longestName bounds the names of files that are added, in bytes.
	longestName = 255

	unknownType = "application/octet-stream"
)

// OfStudy returns the artifacts of a study, by its system attributes, sorted by name.
func OfStudy(attrs map[string]json.RawMessage) []Artifact { return list(nil, prefix, attrs) }

// OfTrial returns the artifacts of a trial, which has an ID in Optuna's tables, sorted by name.
func OfTrial(study, attrs map[string]json.RawMessage, trialID int64) []Artifact {
	return list(list(nil, fmt.Sprintf("%s%d:", legacy, trialID), study), prefix, attrs)
}

// list adds what attributes with a prefix describe. Those of deleted artifacts are null.
func list(all []Artifact, prefix string, attrs map[string]json.RawMessage) []Artifact {
	for key, text := range attrs {
		id, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		var inner string
		var a Artifact
		if json.Unmarshal(text, &inner) != nil || json.Unmarshal([]byte(inner), &a) != nil || a.ID != id || !isID(id) {
			continue
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Artifact) int { return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Attr returns the system attribute that attaches an artifact to a study or an unfinished trial.
func (a Artifact) Attr() (key string, value json.RawMessage) {
	encoding := any(nil)
	if a.Encoding != nil {
		encoding = *a.Encoding
	}
	inner, _ := pyjson.Marshal(pyjson.Object{{Name: "artifact_id", Value: a.ID}, {Name: "filename", Value: a.Filename},
		{Name: "mimetype", Value: a.MimeType}, {Name: "encoding", Value: encoding}}) // strings always marshal
	value, _ = pyjson.Marshal(string(inner))
	return prefix + a.ID, value
}

// isID reports whether a text can be the ID of an artifact, and so the name of its file.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}

// A Folder is a folder that optuna.artifacts.FileSystemArtifactStore uses. "" is none.
type Folder string

// Open returns the bytes of an artifact and their number. It fails with fs.ErrNotExist if they are not
// there: Optuna writes the attribute first. A link that leads out of the folder is an error.
func (f Folder) Open(id string) (file *os.File, size int64, err error) {
	if f == "" || !isID(id) {
		return nil, 0, fmt.Errorf("artifact %q: %w", id, os.ErrNotExist)
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	// A named pipe would block the call: look first.
	info, err := root.Stat(id)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("artifact %q is not a file", id)
	}
	if err != nil {
		return nil, 0, err
	}
	if file, err = root.Open(id); err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// Add stores bytes under a new ID. Nothing has the artifact until its attribute is written; if that
// fails, Remove it.
func (f Folder) Add(filename string, r io.Reader) (a Artifact, err error) {
	name := filename[strings.LastIndexAny(filename, `/\`)+1:]
	if name == "" || name == "." || name == ".." || len(name) > longestName || !utf8.ValidString(name) {
		return a, fmt.Errorf("the name of the file is %.40q, want 1 to %d bytes of UTF-8", name, longestName)
	}
	a = Artifact{ID: uuid.NewString(), Filename: name, MimeType: unknownType}
	if t, _, err := mime.ParseMediaType(mime.TypeByExtension(strings.ToLower(filepath.Ext(name)))); err == nil {
		a.MimeType = t
	}
	file, err := os.OpenFile(filepath.Join(string(f), a.ID), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return a, err
	}
	_, err = io.Copy(file, r)
	if err = errors.Join(err, file.Close()); err != nil {
		f.Remove(a)
	}
	return a, err
}

// Remove deletes the bytes of an artifact that Add stored.
func (f Folder) Remove(a Artifact) { _ = os.Remove(filepath.Join(string(f), a.ID)) }
