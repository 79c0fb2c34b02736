package dashboard

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
)

// withLog makes the running trial one of tune, with an output.
func (s *site) withLog(folder, output string) string {
	s.Helper()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		s.Fatal(err)
	}
	path := filepath.Join(folder, "output.log")
	if err := os.WriteFile(path, []byte(output), 0o666); err != nil {
		s.Fatal(err)
	}
	s.line(command.Line{Args: []string{"python", "train.py"}, Folder: folder, Slot: []string{"CUDA_VISIBLE_DEVICES=1"}})
	return path
}

func (s *site) line(line command.Line) {
	s.Helper()
	if err := s.running.SetUserAttr(command.LineAttr, line); err != nil {
		s.Fatal(err)
	}
	if err := s.running.Report(len(s.running.Reports())+1, 1); err != nil { // writes it
		s.Fatal(err)
	}
}

func TestLogsShowTheirTail(t *testing.T) {
	s := newSite(t, Config{})
	folder := filepath.Join(s.dir, "trials", "2")
	s.withLog(folder, "first\n"+strings.Repeat("line\n", 20000)+"\x1b[31mred\x1b[0m\n 10%\r 20%\r 30%\r\n\u202ebidi\t\x00\nlast ü\n")
	page := s.get(browser(), s.path("/trials/2"), 200)
	s.wants(page, `data-log="/api`+s.path("/trials/2/log")+`"`, "line\nred\n 30%\n\\u202ebidi\t\\x00\nlast ü\n</pre>", "output.log")
	if strings.Contains(page, "first\n") || strings.Contains(page, "\x1b") {
		t.Error("the page has the whole log, or what a terminal obeys")
	}
	answer, err := http.Get(s.url + "/api" + s.path("/trials/2/log"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	info, _ := os.Stat(filepath.Join(folder, "output.log"))
	if end, _ := strconv.ParseInt(answer.Header.Get("X-End"), 10, 64); end != info.Size() || answer.ContentLength > logTail {
		t.Errorf("X-End is %d and the tail %d bytes, want %d and at most %d", end, answer.ContentLength, info.Size(), logTail)
	}
	if text := s.get(browser(), "/api"+s.path("/trials/2/log?offset=0"), 200); !strings.HasPrefix(text, "first\n") {
		t.Errorf("from the start: %.40q", text)
	}
	if text := s.get(browser(), "/api"+s.path("/trials/2/log?offset=999999999"), 200); text != "" {
		t.Errorf("behind the end: %q", text)
	}
	s.wants(s.get(browser(), "/api"+s.path("/trials/2/log?offset=-1"), 400), `offset is "-1"`)
	s.wants(s.get(browser(), "/api"+s.path("/trials/1/log"), 404), "did not run it")
	s.get(browser(), "/api"+s.path("/trials/99/log"), 404)
	s.wants(s.get(browser(), s.path("/workers"), 200), "CUDA_VISIBLE_DEVICES=1", "alive", strconv.Itoa(os.Getpid()))
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	s.wants(s.get(browser(), s.path("/trials/2"), 200), "The output is not there")
	s.wants(s.get(browser(), "/api"+s.path("/trials/2/log"), 404), "The output is not there")
}

// The study file may come from a stranger, who wants to see other files of this machine.
func TestLogsAreOnlyThoseOfTheirTrial(t *testing.T) {
	s := newSite(t, Config{})
	secret := filepath.Join(s.dir, "secret", "output.log")
	if err := os.MkdirAll(filepath.Dir(secret), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(s.dir, "linked", "2")
	if err := os.MkdirAll(linked, 0o777); err != nil {
		t.Fatal(err)
	}
	folders := []string{filepath.Dir(secret), filepath.Join(s.dir, "x", "2", "..", "..", "secret"), "2", "../secret", "",
		filepath.Join(s.dir, "nothing", "2"), filepath.Join(s.dir, "trials", "1")}
	if os.Symlink(secret, filepath.Join(linked, "output.log")) == nil {
		folders = append(folders, linked)
	}
	for _, folder := range folders {
		s.line(command.Line{Args: []string{"x"}, Folder: folder})
		if text := s.get(browser(), "/api"+s.path("/trials/2/log"), 404); strings.Contains(text, "secret\n") {
			t.Errorf("%s: got %s", folder, text)
		}
		if page := s.get(browser(), s.path("/trials/2"), 200); strings.Contains(page, ">secret<") {
			t.Errorf("%s: the page shows another file", folder)
		}
	}
}

// events reads the events of an address, as a browser does.
func (s *site) events(path string) <-chan [2]string {
	s.Helper()
	answer, err := http.Get(s.url + path)
	if err != nil || answer.StatusCode != 200 {
		s.Fatalf("%s: %v, %v", path, answer, err)
	}
	s.Cleanup(func() { answer.Body.Close() })
	all := make(chan [2]string)
	go func() {
		defer close(all)
		name := ""
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = text
			}
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				all <- [2]string{name, text}
			}
		}
	}()
	return all
}

func TestLogsGrowInTheBrowser(t *testing.T) {
	s := newSite(t, Config{})
	path := s.withLog(filepath.Join(s.dir, "trials", "2"), "before\n")
	all := s.events("/api" + s.path("/trials/2/log/events?offset=7"))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := ""
	next := func() bool {
		t.Helper()
		select {
		case e, ok := <-all:
			if !ok {
				t.Fatal("the events end")
			}
			var l logEvent
			if err := json.Unmarshal([]byte(e[1]), &l); err != nil {
				t.Fatal(err)
			}
			got += l.Text
			return e[0] == "text"
		case <-time.After(30 * time.Second):
			t.Fatalf("waited in vain after %q", got)
		}
		return false
	}
	// A character and an escape sequence come in halves.
	for _, part := range []string{"one\nü"[:5], "ü\n"[1:] + "\x1b[3", "1mtwo\n"} {
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
		for want := strings.Count(got, "\n") + strings.Count(part, "\n"); strings.Count(got, "\n") < want; {
			next()
		}
	}
	if want := "one\nü\ntwo\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// It starts over, as after the folder was deleted.
	if err := os.WriteFile(path, []byte("new\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for !strings.HasSuffix(got, "new\n") {
		next()
	}
	if _, err := s.study.Tell(t.Context(), s.running, 1); err != nil {
		t.Fatal(err)
	}
	for next() {
	}
}

func TestCleanedLogs(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"a\r\nb\r\n":                        "a\nb\n",
		"10%\r20%":                          "\n20%",
		"x\n10%\r20%\r":                     "x\n20%",
		"\x1b]0;title\x07a\x1b]8;;u\x1b\\b": "ab",
		"\x1b[1;31mred\x1b[0m \x1b[2K\x1b=": "red \\x1b=",
		"\x00\x7f\u2066":                    `\x00\x7f\u2066`,
		"\xff":                              `\xff`,
		"a\tb\vc":                           "a\tb\\vc",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
