package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
)

// A block is a fenced block of a page.
type block struct{ language, text string }

func blocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	return blocks
}

// pages show commands, which are run in a folder for each page.
var pages = []string{"../README.md", "../docs/command-line.md"}

// like is a pattern of line as a page shows it. An ellipsis at its end is
// any rest; times differ from run to run.
func like(line string) string {
	line, cut := strings.CutSuffix(line, "…")
	line = strings.TrimRight(line, " ")
	times := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d| +\d+(?:\.\d+)? m?s `)
	pattern, at := "^", 0
	for _, m := range times.FindAllStringIndex(line, -1) {
		pattern += regexp.QuoteMeta(line[at:m[0]]) + ".+"
		at = m[1]
	}
	pattern += regexp.QuoteMeta(line[at:])
	if !cut {
		pattern += " *$"
	}
	return pattern
}

// slow finds lines that only a loaded machine prints: what takes long is announced.
var slow = regexp.MustCompile(`^[A-Z][a-z]+ing .* …$|^. trial +\d+/\d+  (started|running) `)

// shows fails the test unless each line of shown is in got, in that order. A
// line that is only an ellipsis stands for lines left out. Where floats are
// rounded otherwise than by AVX2 the figures differ, and nothing is compared.
func shows(t *testing.T, what, shown string, got string) {
	t.Helper()
	if kernel, _ := finetune.Kernel(); runtime.GOARCH != "amd64" || kernel == "generic" {
		return
	}
	lines, skip := strings.Split(strings.TrimSuffix(got, "\n"), "\n"), false
	lines = slices.DeleteFunc(lines, slow.MatchString)
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		if line == "…" {
			skip = true
			continue
		}
		pattern := regexp.MustCompile(like(line))
		at := slices.IndexFunc(lines, pattern.MatchString)
		if at < 0 || at > 0 && !skip {
			t.Fatalf("the page shows of %q\n%s\nbut it prints there\n%s", what, line, strings.Join(lines, "\n"))
		}
		lines, skip = lines[at+1:], false
	}
	if len(lines) > 0 && !skip {
		t.Errorf("the page does not show all of %q, which continues\n%s", what, strings.Join(lines, "\n"))
	}
}

func TestReadmeProgramsRunAndPrintWhatItSays(t *testing.T) {
	programs := 0
	blocks := blocks(t, "../README.md")
	for i, b := range blocks {
		if b.language != "go" || !strings.HasPrefix(b.text, "package main\n") {
			continue
		}
		programs++
		// The overlay puts the program in the place of an example, so that it is
		// inside the module and nothing is written there.
		dir := t.TempDir()
		source, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
		inside, err := filepath.Abs("quickstart/main.go")
		if err != nil {
			t.Fatal(err)
		}
		mapping, err := json.Marshal(map[string]any{"Replace": map[string]string{inside: source}})
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string][]byte{source: []byte(b.text), overlay: mapping} {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, verb := range []string{"vet", "run"} {
			out, err := exec.Command("go", verb, "-overlay", overlay, "./quickstart").CombinedOutput()
			if err != nil {
				t.Fatalf("go %s of the program\n%s: %v\n%s", verb, b.text, err, out)
			}
			if verb == "run" && i+1 < len(blocks) && blocks[i+1].language == "text" {
				shows(t, "the program", blocks[i+1].text, string(out))
			} else if verb == "run" {
				t.Error("README.md does not show what the program prints")
			}
		}
	}
	if programs == 0 {
		t.Error("README.md has no program")
	}
}

// commandLines returns the command lines of bluefin in the shell blocks of a
// page, each with what is shown of its output.
func commandLines(t *testing.T, page string) (lines, outputs []string) {
	t.Helper()
	for _, b := range blocks(t, page) {
		if b.language != "sh" && b.language != "console" {
			continue
		}
		shown := -1
		for line := range strings.Lines(b.text) {
			command, isCommand := strings.CutPrefix(line, "$ ")
			if !isCommand && b.language == "console" {
				if shown >= 0 {
					outputs[shown] += line
				}
				continue
			}
			command = strings.TrimSpace(command)
			command = strings.Replace(command, "go run ./cmd/bluefin ", "bluefin ", 1)
			if shown = -1; strings.HasPrefix(command, "bluefin ") {
				lines, outputs = append(lines, command), append(outputs, "")
				if b.language == "console" {
					shown = len(lines) - 1
				}
			}
		}
	}
	return lines, outputs
}

// words splits a command line as a shell does, as far as README.md needs it.
func words(line string) []string {
	var all []string
	for _, w := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
		all = append(all, strings.Trim(w, "'"))
	}
	return all
}

func TestReadmeCommandsAndFlagsExist(t *testing.T) {
	all, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, page := range append(all, "../README.md") {
		shown, _ := commandLines(t, page)
		lines = append(lines, shown...)
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		// Inline code in the text counts too.
		for _, m := range regexp.MustCompile("`(bluefin [^`\n]+)`").FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, m[1])
		}
	}
	for _, line := range lines { // what a command reads from another one
		if before, after, ok := strings.Cut(line, " | "); ok {
			lines[slices.Index(lines, line)] = before
			if strings.HasPrefix(after, "bluefin ") {
				lines = append(lines, after)
			}
		}
	}
	if len(lines) < 20 {
		t.Errorf("the pages have %d command lines, want at least 20", len(lines))
	}
	for _, line := range lines {
		w := words(line)
		if strings.HasPrefix(w[1], "-") {
			continue // a flag of the program itself, like --help
		}
		command := w[1:2]
		if slices.Contains([]string{"plot", "storage", "study", "submit"}, w[1]) && len(w) > 2 { // a group of commands
			command = w[1:3]
		}
		help := strings.Join(output(t, t.TempDir(), "bluefin", append(slices.Clone(command), "--help")...), "\n")
		if !strings.Contains(help, "bluefin "+strings.Join(command, " ")+" - ") {
			t.Errorf("%s: there is no command %s", line, strings.Join(command, " "))
		}
		for _, flag := range w[2:] {
			if strings.HasPrefix(flag, "-") && flag != "--help" && !regexp.MustCompile(`(?m)[ ,]`+regexp.QuoteMeta(flag)+`\b`).MatchString(help) {
				t.Errorf("%s: %s has no flag %s", line, w[1], flag)
			}
		}
	}
}

// TestReadmeSession runs all command lines of a page, one after the other in one
// folder, and compares what the page shows of them. Where it shows "Killed", the
// command is killed as soon as it has printed the line above. If the program
// prints something else by now, paste it again.
func TestReadmeSession(t *testing.T) {
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			dir, killed := t.TempDir(), false
			lines, outputs := commandLines(t, page)
			for i, line := range lines {
				shown, cut := strings.CutSuffix(outputs[i], "Killed\n")
				switch cmd := command(t, dir, "bluefin", words(line)[1:]...); {
				case shown == "":
				case cut:
					killed = true
					shows(t, line, shown+"…\n", outputUntil(t, cmd, shown))
				default:
					out, err := cmd.CombinedOutput()
					if wrong := strings.Contains(shown, "bluefin: "); (err != nil) != wrong {
						t.Fatalf("%s: %v\n%s", line, err, out)
					}
					if killed { // how many trials had finished depends on the moment
						shown = regexp.MustCompile(`resumes with \d.*`).ReplaceAllString(shown, "resumes with …")
					}
					shows(t, line, shown, string(out))
					killed = false
				}
			}
			for _, name := range []string{"best.json", "bluefin.db"} {
				if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// outputUntil runs cmd, kills it when it has printed the last line of shown, and
// returns what it has printed.
func outputUntil(t *testing.T, cmd *exec.Cmd, shown string) string {
	t.Helper()
	rows := strings.Split(strings.TrimSuffix(shown, "\n"), "\n")
	last := regexp.MustCompile(like(rows[len(rows)-1]))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows := bufio.NewScanner(pipe); rows.Scan(); {
		fmt.Fprintln(&out, rows.Text())
		if last.MatchString(rows.Text()) {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return out.String()
}
