package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// startServe runs serve in this process, and returns its address and what ends it, with its exit code.
func startServe(t *testing.T, args ...string) (url string, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"bluefin", "serve"}, args...), io.Discard, w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	url = printed(t, lines)
	go func() { // or the command would wait for a reader
		for lines.Scan() {
		}
	}()
	return url, func() int {
		cancel()
		select {
		case n := <-code:
			return n
		case <-time.After(20 * time.Second):
			t.Fatal("serve does not end")
			return 0
		}
	}
}

// guide returns the first example in a language of a section of docs/many-machines.md.
func guide(t *testing.T, section, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text2, _ := strings.Cut(string(text), "\n## "+section+"\n")
	text2, _, _ = strings.Cut(text2, "\n## ")
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(text2)
	if found == nil {
		t.Fatalf("section %s has no example in %s", section, language)
	}
	return found[1]
}

// Clients on the network do not see where the file is.
func TestServeKeepsTheFolderOfTheFileToItself(t *testing.T) {
	dir := t.TempDir()
	url, end := startServe(t, dir+"/study.db", "--listen", "127.0.0.1:0", "--durability", "normal")
	defer end()
	response, err := http.Get(url + "/v1/studies/nope")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), "does not exist in study.db") || strings.Contains(string(body), dir) {
		t.Errorf("HTTP: %s, %v", body, err)
	}
	code, stderr := bluefinIn(t.Context(), "trials", "--storage", url, "--study-name", "nope")
	if code != 1 || !strings.Contains(stderr, "does not exist in study.db") || strings.Contains(stderr, dir) {
		t.Errorf("bluefin trials: %d, %s", code, stderr)
	}
}

// A study that was made by HTTP has a plan, but no program.
func TestAWorkerWantsAProgram(t *testing.T) {
	url, end := startServe(t, t.TempDir()+"/study.db", "--listen", "127.0.0.1:0", "--durability", "normal")
	defer end()
	body := `{"name": "s", "trials": 2, "search_space": {"x": {"type": "float", "low": 0, "high": 1}}}`
	response, err := http.Post(url+"/v1/studies", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	code, stderr := bluefinIn(t.Context(), "worker", "--storage", url, "--study-name", "s")
	if code != exitNever || !strings.Contains(stderr, "the study names no program, want one after --") {
		t.Errorf("status %d, exit code %d, %s", response.StatusCode, code, stderr)
	}
}

// A port that is taken makes no file. A file that was not there is called new: it may be a typing error.
func TestServeAndFilesThatAreNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path := filepath.Join(t.TempDir(), "study.db")
	code, stderr := bluefinIn(t.Context(), "serve", path, "--listen", l.Addr().String())
	if _, err := os.Stat(path); code != 1 || !strings.Contains(stderr, "the port is taken") || err == nil {
		t.Errorf("a taken port: exit code %d, %s; the file: %v", code, stderr, err)
	}
	for _, fresh := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, []string{"bluefin", "serve", path, "--listen", "127.0.0.1:0"}, io.Discard, w)
			w.Close()
		}()
		lines := bufio.NewScanner(r)
		if lines.Scan(); strings.HasSuffix(lines.Text(), "study.db is a new study file.") != fresh {
			t.Errorf("new is %v: got %s", fresh, lines.Text())
		}
		for lines.Text() != "Ctrl-C ends it." && lines.Scan() {
		}
		go io.Copy(io.Discard, r)
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("serve ended with %d", code)
		}
	}
}

// What serve prints for Optuna works as it is, or says that it needs more.
func TestServePrintsHowOptunaConnects(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for want, s := range map[string]serveCommand{
		"Optuna:  optuna.storages.GrpcStorageProxy(host=": {},
		"after the lines for":                             {tokens: "tokens"},
		"tokens and TLS in docs/many-machines.md":         {cert: "cert.pem", key: "key.pem"},
	} {
		var out bytes.Buffer
		s.greet(console{err: &out}, place{path: "study.db"}, l)
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "optuna.storages") != (s.tokens+s.cert == "") {
			t.Errorf("want %q in\n%s", want, &out)
		}
	}
}

// needs skips the test without a program, except where everything must be there.
func needs(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}

// The examples of the guide do what it says: twenty trials each, none of them twice, and all told.
func TestExamplesOfTheGuideForHTTP(t *testing.T) {
	if testing.Short() {
		t.Skip("runs curl a hundred times")
	}
	url, end := startServe(t, t.TempDir()+"/study.db", "--listen", "127.0.0.1:0", "--durability", "normal")
	for _, test := range []struct {
		language, study string
		run             []string
	}{
		{"sh", "example", []string{"sh", "-c"}}, {"python", "python", []string{"python3", "-c"}},
	} {
		t.Run(test.language, func(t *testing.T) {
			text := guide(t, "Any language: HTTP", test.language)
			if test.language == "sh" {
				needs(t, "curl")
			}
			text = strings.ReplaceAll(text, "http://127.0.0.1:13000", url)
			cmd := exec.CommandContext(t.Context(), needs(t, test.run[0]), test.run[1], text)
			cmd.Env = append(os.Environ(), "NO_PROXY=*", "no_proxy=*")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			answer, err := http.Get(url + "/v1/studies/" + test.study)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var s struct{ Trials map[string]int }
			if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
				t.Fatal(err)
			}
			if done := s.Trials["complete"] + s.Trials["pruned"]; done != 20 || s.Trials["running"] != 0 {
				t.Errorf("got %v", s.Trials)
			}
		})
	}
	if code := end(); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}

// Other commands work on a served study as on a file, with a token where one is needed.
func TestCommandsOnAServedStudy(t *testing.T) {
	const token = "one-token-of-the-test"
	tokens := t.TempDir() + "/tokens"
	if err := os.WriteFile(tokens, []byte(token+" read-write ann\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, end := startServe(t, t.TempDir()+"/study.db", "--listen", "127.0.0.1:0", "--token-file", tokens)
	t.Setenv("BLUEFIN_TOKEN", token)
	bluefin(t, "tune", "--storage", url, "--study-name", "s", "--trials", "4", "--metric", "loss", "--folder", t.TempDir(),
		"x=0.0..1.0", "--", "echo", "loss={x}")
	if out := bluefin(t, "trials", "--storage", url, "--study-name", "s", "-f", "json"); strings.Count(out, "COMPLETE") != 4 {
		t.Errorf("got %s", out)
	}
	asked := bluefin(t, "ask", "--storage", url, "--study-name", "s", "--search-space", `{"x": {"type": "float", "low": 0, "high": 1}}`)
	if !strings.Contains(asked, `"number": 4`) {
		t.Errorf("got %s", asked)
	}
	t.Setenv("BLUEFIN_TOKEN", "")
	var said strings.Builder
	if code := run(t.Context(), []string{"bluefin", "trials", "--storage", url, "--study-name", "s"}, io.Discard, &said); code != 1 ||
		!strings.Contains(said.String(), "token") {
		t.Errorf("without a token: got %d, %s", code, said.String())
	}
	if code := end(); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}
