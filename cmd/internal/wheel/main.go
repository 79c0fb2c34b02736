// Command wheel packs the binaries of a release as Python wheels, so that pip installs the command
// bluefin and the module bluefin_hook. It needs no Python.
//
//	go run ./cmd/internal/wheel -version v1.2.3 -o dist dist/bluefin-linux-amd64 …
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/pythonhook"
)

func main() {
	version := flag.String("version", "", "the `VERSION`, as git describe prints it")
	license := flag.String("license", "LICENSE", "the `FILE` with the license")
	out := flag.String("o", ".", "the `FOLDER` to write to")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: wheel [flags] BINARY…, each named bluefin-OS-ARCH")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	for _, binary := range flag.Args() {
		path, err := pack(binary, *version, *license, *out)
		if err != nil {
			fmt.Fprintf(os.Stderr, "wheel: %s: %v\n", binary, err)
			os.Exit(1)
		}
		fmt.Println(path)
	}
}

// pack makes the wheel of one binary, whose name says for which platform it is.
func pack(binary, version, license, folder string) (path string, err error) {
	name, _ := strings.CutSuffix(filepath.Base(binary), ".exe")
	platform, ok := strings.CutPrefix(name, "bluefin-")
	tags := platforms[platform]
	if !ok || tags == nil {
		return "", fmt.Errorf("no wheel for this platform, want a name like bluefin-linux-amd64")
	}
	w := wheel{tags: tags}
	if w.version, err = pep440(version); err != nil {
		return "", err
	}
	for _, f := range []struct {
		from string
		to   *[]byte
	}{{binary, &w.binary}, {license, &w.license}} {
		if *f.to, err = os.ReadFile(f.from); err != nil {
			return "", err
		}
	}
	w.hook, w.windows = []byte(pythonhook.Source), strings.HasPrefix(platform, "windows")
	var text bytes.Buffer
	if err := w.write(&text); err != nil {
		return "", err
	}
	path = filepath.Join(folder, w.name())
	return path, os.WriteFile(path, text.Bytes(), 0o666)
}
