package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// nasty is a name that would turn a terminal red, begin another line, delete
// this one and turn the text around.
const nasty = "red\x1b[31m \nbluefin: done\r\t\u009b2K \u202egpj. "

// obeyed returns the first character that a terminal obeys, but for line ends.
func obeyed(text string) string {
	for i, r := range text {
		if r == utf8.RuneError || r != '\n' && !strconv.IsGraphic(r) {
			return strconv.Quote(text[i:min(i+10, len(text))])
		}
	}
	return ""
}

// Names and reasons of others are shown, and not obeyed.
func TestMessagesAndTablesObeyNoName(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "s.db")
	file, csv := filepath.Join(dir, "file"+nasty), filepath.Join(dir, "csv"+nasty)
	if err := os.WriteFile(csv, []byte("x,label\n1,a\x1b[31m\n2,\u202eb\n3,a\x1b[31m\n4,\u202eb\n5,a\x1b[31m\n6,\u202eb\n7,a\x1b[31m\n8,\u202eb\n9,a\x1b[31m\n10,\u202eb\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	space, err := json.Marshal(map[string]any{nasty: map[string]any{"type": "categorical", "choices": []string{nasty}}})
	if err != nil {
		t.Fatal(err)
	}
	bluefin(t, "create-study", "--storage", db, "--study-name", nasty)
	bluefin(t, "ask", "--storage", db, "--search-space", string(space))
	bluefin(t, "tell", "--storage", db, "--trial-number", "0", "--values", "1")
	for _, args := range [][]string{
		{"studies", "--storage", db}, {"study-names", "--storage", db, "-f", "table"}, {"trials", "--storage", db}, {"best-trial", "--storage", db, "--flatten"},
		{"trials", "--storage", db, "-f", "json"}, {"create-study", "--storage", db, "--study-name", nasty}, {"export", "--storage", db, "-o", csv},
		{"export", "--storage", db, "-o", file}, {"export-study", "--storage", db, "-o", file + "2"}, {"storage", "backup", "--storage", db, "-o", file + "3"},
		{"copy-study", "--from-storage", db, "--from-study-name", nasty, "--to-study-name", nasty + "2"}, {"trials", "--storage", file}, {nasty}, {"trials", "--" + nasty},
		{"trials", "--storage", "\xff\xfe"}, {"delete-study", "--storage", db, "--study-name", nasty + "2"}, {"import-study", "--storage", db, "-i", file},
		{"finetune", "--storage", filepath.Join(dir, "f.db"), "--train", csv, "--trials", "1", "--study-name", nasty},
	} {
		stdout, stderr, _ := status(t, args...)
		if got := obeyed(stdout); got != "" {
			t.Errorf("bluefin %q prints %s", args, got)
		}
		if got := obeyed(stderr); got != "" {
			t.Errorf("bluefin %q says %s", args, got)
		}
		if args[0] == "finetune" && !strings.Contains(stderr, `--study-name $'red\x1b[31m \nbluefin: done\r\t\u009b2K \u202egpj. '`) {
			t.Errorf("the command that exports the study is not quoted: %s", stderr)
		}
		if args[0] == "finetune" || !strings.HasPrefix(stderr, "bluefin: ") {
			continue
		}
		if strings.Count(stderr, "\n") != 1 {
			t.Errorf("bluefin %q says more than one line: %s", args, stderr)
		}
	}
	// A program that reads the names gets them as they are.
	if stdout, _, _ := status(t, "study-names", "--storage", db); stdout != nasty+"\n" {
		t.Errorf("study-names prints %q, want %q", stdout, nasty+"\n")
	}
}

// On a terminal data are no commands either.
func TestDataOnATerminal(t *testing.T) {
	for terminal, want := range map[bool]string{false: nasty + "\xff\n", true: `red\x1b[31m ` + "\n" + `bluefin: done\r\t\u009b2K \u202egpj. \xff` + "\n"} {
		var b bytes.Buffer
		d := &dataWriter{w: &b, terminal: terminal}
		if n, err := d.Write([]byte(nasty + "\xff\n")); n != len(nasty)+2 || err != nil || b.String() != want {
			t.Errorf("terminal %v: got %q, %d, %v, want %q", terminal, b.String(), n, err, want)
		}
	}
}
