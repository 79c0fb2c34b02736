package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// platforms are the platform tags of the wheels by the platforms of Go. A static binary runs with any C
// library of Linux; the tags name the oldest systems that pip knows. Go needs macOS 12.
var platforms = map[string][]string{
	"linux-amd64":   {"manylinux_2_17_x86_64", "manylinux2014_x86_64", "musllinux_1_1_x86_64"},
	"linux-arm64":   {"manylinux_2_17_aarch64", "manylinux2014_aarch64", "musllinux_1_1_aarch64"},
	"darwin-amd64":  {"macosx_12_0_x86_64"},
	"darwin-arm64":  {"macosx_12_0_arm64"},
	"windows-amd64": {"win_amd64"},
	"windows-arm64": {"win_arm64"},
}

const project = "bluefin_hpo"

// A wheel is a zip file as "Binary distribution format" of packaging.python.org describes it.
type wheel struct {
	version string // by PEP 440
	tags    []string
	windows bool

	binary, hook, license []byte
}

// name returns the name of the file.
func (w wheel) name() string {
	return fmt.Sprintf("%s-%s-py3-none-%s.whl", project, w.version, strings.Join(w.tags, "."))
}

// A file is one member of the zip file.
type file struct {
	name string
	text []byte
	mode fs.FileMode
}

// write writes the zip file. Equal wheels are equal byte by byte.
func (w wheel) write(out io.Writer) error {
	command := "bluefin"
	if w.windows {
		command = "bluefin.exe"
	}
	base := project + "-" + w.version
	info := base + ".dist-info/"
	files := []file{
		{"bluefin_hook.py", w.hook, 0o644},
		{base + ".data/scripts/" + command, w.binary, 0o755},
		{info + "METADATA", w.metadata(), 0o644},
		{info + "WHEEL", w.tagFile(), 0o644},
		{info + "licenses/LICENSE", w.license, 0o644},
	}
	var record strings.Builder
	for _, f := range files {
		sum := sha256.Sum256(f.text)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.text))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info) // it cannot have its own sum
	z := zip.NewWriter(out)
	for _, f := range slices.Concat(files, []file{{info + "RECORD", []byte(record.String()), 0o644}}) {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(f.mode)
		member, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := member.Write(f.text); err != nil {
			return err
		}
	}
	return z.Close()
}

func (w wheel) metadata() []byte {
	return fmt.Appendf(nil, `Metadata-Version: 2.4
Name: bluefin-hpo
Version: %s
Summary: Search for the hyperparameters of any program: the command bluefin, and a hook for training scripts
Project-URL: Source, https://github.com/bluefin-hpo/bluefin
License-Expression: MIT
License-File: LICENSE
Keywords: hyperparameter optimization,fine-tuning,Optuna
Requires-Python: >=3.8
Description-Content-Type: text/markdown

`+"`bluefin tune`"+` runs a training script once for each trial, with parameters that it draws, and reads the metric from
what the script prints or writes:

    bluefin tune --metric accuracy lr=1e-4..1:log layers=1..4 opt=sgd,adam -- python train.py

`+"`import bluefin_hook`"+` has callbacks for the Hugging Face trainer and for Lightning, and
`+"`report(step, value)`"+` for a plain loop. The wheel contains one static binary and depends on nothing.
`, w.version)
}

func (w wheel) tagFile() []byte {
	text := "Wheel-Version: 1.0\nGenerator: bluefin\nRoot-Is-Purelib: false\n"
	for _, tag := range w.tags {
		text += "Tag: py3-none-" + tag + "\n"
	}
	return []byte(text)
}
