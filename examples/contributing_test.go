package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestContributingCodePasses builds the files that CONTRIBUTING.md asks a
// newcomer to write, and runs the tests among them. The first line of each names
// it. They are written to a module beside this one, in one workspace with it.
func TestContributingCodePasses(t *testing.T) {
	if err := watch(); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module newcomer\n\ngo 1.26.0\n")
	write("go.work", fmt.Sprintf("go 1.26.0\n\nuse (\n\t.\n\t%q\n)\n", here))
	first := regexp.MustCompile(`^// (examples/\w+/\w+\.go)\n`)
	count := 0
	for _, b := range blocks(t, "../CONTRIBUTING.md") {
		if b.language != "go" {
			continue
		}
		m := first.FindStringSubmatch(b.text)
		if m == nil {
			t.Fatalf("the first line must name the file, as in // examples/name/name.go, in\n%s", b.text)
		}
		if _, err := os.Stat(filepath.Join(here, m[1])); err == nil {
			t.Errorf("CONTRIBUTING.md asks for a new file %s, which exists", m[1])
		}
		write(m[1], b.text)
		count++
	}
	if count != 6 {
		t.Errorf("CONTRIBUTING.md has %d files, want a sampler, a pruner and a storage, each with its test", count)
	}
	for _, args := range [][]string{{"go", "vet", "./..."}, {"go", "test", "./..."}, {"gofmt", "-l", "."}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"), "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil || args[0] == "gofmt" && len(out) > 0 {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
