package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestVersions(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "1.2.3": "1.2.3", "v0.1.0-rc.1": "0.1.0rc1", "v0.1.0-alpha.2": "0.1.0a2", "v2.0.0-beta3": "2.0.0b3",
		"v1.2.3-dirty": "1.2.3+dirty", "v1.2.3-5-g0123abc": "1.2.3.post5+g0123abc",
		"v1.2.3-rc.1-5-g0123abc-dirty": "1.2.3rc1.post5+g0123abc.dirty",
		"0123abc":                      "0.0.0+g0123abc", "0123abc-dirty": "0.0.0+g0123abc.dirty",
	} {
		if got, err := pep440(version); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", version, got, err, want)
		}
	}
	for _, version := range []string{"", "v1.2.3-new", "main", "v1.2.3+x", "1.2.3\n", "v1..2"} {
		if got, err := pep440(version); err == nil || !strings.Contains(err.Error(), "want one like v1.2.3") {
			t.Errorf("%q: got %q, %v, want an error", version, got, err)
		}
	}
}

// python returns a Python with pip and venv, which need not be more than that.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("BLUEFIN_PYTHON"), "python3"} {
		if name != "" && exec.Command(name, "-c", "import ensurepip, venv").Run() == nil {
			return name
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("BLUEFIN_PYTHON names no Python that makes virtual environments")
	}
	t.Skip("there is no Python that makes virtual environments")
	return ""
}

// output runs a command in a folder without a way to the network, and returns what it prints.
func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PIP_NO_INDEX=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_CONFIG_FILE="+os.DevNull,
		"PYTHONDONTWRITEBYTECODE=1")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, text)
	}
	return string(text)
}

// files lists what is in a folder.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".pyc") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// built makes the wheel of this platform.
func built(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "bluefin-"+runtime.GOOS+"-"+runtime.GOARCH)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-ldflags", "-X main.release=v1.2.3-rc.1", "-o", binary,
		"github.com/bluefin-hpo/bluefin/cmd/bluefin")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var texts [2][]byte
	var path string
	for i := range texts {
		var err error
		if path, err = pack(binary, "v1.2.3-rc.1", "../../../LICENSE", dir); err != nil {
			t.Fatal(err)
		}
		if texts[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("the wheel is not the same when it is made again")
	}
	return path
}

const script = `
import sys
from bluefin_hook import report
for epoch in range(3):
    report(epoch, float(sys.argv[1]) / 3 + epoch)
`

// An empty environment gets the command and the module from the wheel alone, and loses them again.
func TestPipInstallsAWheel(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds bluefin and a virtual environment")
	}
	dir := t.TempDir()
	venv := filepath.Join(dir, "venv")
	output(t, dir, python(t), "-m", "venv", venv)
	bin, exe := filepath.Join(venv, "bin"), ""
	if runtime.GOOS == "windows" {
		bin, exe = filepath.Join(venv, "Scripts"), ".exe"
	}
	inside, bluefin := filepath.Join(bin, "python"+exe), filepath.Join(bin, "bluefin"+exe)
	empty := files(t, venv)
	wheel := built(t, dir)
	output(t, dir, inside, "-m", "pip", "install", wheel)
	if got := output(t, dir, inside, "-m", "pip", "show", "-f", "bluefin-hpo"); !strings.Contains(got, "Version: 1.2.3rc1") ||
		!strings.Contains(got, "bluefin_hook.py") {
		t.Errorf("pip shows\n%s", got)
	}
	if got := output(t, dir, bluefin, "--version"); !strings.Contains(got, "v1.2.3-rc.1") {
		t.Errorf("bluefin --version prints %q", got)
	}
	output(t, dir, inside, "-c", "import bluefin_hook; bluefin_hook.report(1, 2)")
	if err := os.WriteFile(filepath.Join(dir, "train.py"), []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	output(t, dir, bluefin, "tune", "--metric", "loss", "--trials", "2", "x=1..1", "--", inside, "train.py", "{x}")
	if got := output(t, dir, bluefin, "trials", "-f", "json"); strings.Count(got, `"value": 2.3333333333333335,`) != 2 {
		t.Errorf("the trials are %s", got)
	}
	target := filepath.Join(dir, "target")
	output(t, dir, inside, "-m", "pip", "install", "--target", target, wheel)
	if got := output(t, dir, filepath.Join(target, "bin", "bluefin"+exe), "--version"); !strings.Contains(got, "v1.2.3-rc.1") {
		t.Errorf("with --target, bluefin --version prints %q", got)
	}
	output(t, dir, inside, "-m", "pip", "uninstall", "-y", "bluefin-hpo")
	if left := files(t, venv); !slices.Equal(left, empty) {
		t.Errorf("after uninstalling there are %d files, want the %d of before", len(left), len(empty))
	}
}

// pip takes the wheel of each platform for the systems that it names, and checks its RECORD.
func TestPipTakesTheWheelsOfAllPlatforms(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs pip for each platform")
	}
	dir := t.TempDir()
	python := python(t)
	if exec.Command(python, "-m", "pip", "--version").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s has no pip", python)
		}
		t.Skip("this Python has no pip")
	}
	for platform, tags := range platforms {
		binary := filepath.Join(dir, "bluefin-"+platform)
		if err := os.WriteFile(binary, []byte("\x7fELF"), 0o666); err != nil {
			t.Fatal(err)
		}
		wheel, err := pack(binary, "v1.2.3", "../../../LICENSE", dir)
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, platform)
		output(t, dir, python, "-m", "pip", "install", "--target", target, "--platform", tags[len(tags)-1],
			"--only-binary", ":all:", "--no-deps", wheel)
		want := filepath.Join(target, "bin", "bluefin")
		if strings.HasPrefix(platform, "windows") {
			want += ".exe"
		}
		if info, err := os.Stat(want); err != nil || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
			t.Errorf("%s: the command is not there, or not executable: %v, %v", platform, info, err)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "bluefin-linux-amd64")
	if err := os.WriteFile(binary, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][3]string{
		"no wheel for this platform": {filepath.Join(dir, "bluefin-plan9-amd64"), "v1.2.3", binary},
		"version is \"x\"":           {binary, "x", binary},
		"no such file":               {filepath.Join(dir, "bluefin-linux-arm64"), "v1.2.3", binary},
	} {
		if _, err := pack(args[0], args[1], args[2], dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
