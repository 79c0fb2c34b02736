package notes

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// texts are notes of every length around the size of a piece, and of characters that are several
// bytes, several UTF-16 units, or special in JSON, SQL or HTML.
var texts = []string{"", "a", "**Hello** `world`\n\n- [x] done\n", strings.Repeat("x", piece-1), strings.Repeat("ü", piece),
	strings.Repeat("😀", piece+1), strings.Repeat("語\n", 3*piece), "\x00\x1b[31m\u202e' \" \\ </script>\u2028", "short again"}

func set(t *testing.T, s storage.Storage, id int64, body string) {
	t.Helper()
	record, err := s.Load(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	u, err := Update(record, id, body)
	if err == nil {
		err = s.WriteStudy(t.Context(), record.ID, u)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNotesComeBackAsTheyWere(t *testing.T) {
	s := &storage.Memory{}
	if _, err := s.Create(t.Context(), "s", []trial.Direction{trial.Minimize}); err != nil {
		t.Fatal(err)
	}
	for i, body := range texts {
		for _, id := range []int64{0, 7, 71} {
			set(t, s, id, body)
			record, _ := s.Load(t.Context(), "s")
			if got := Of(record, id); got.Body != body || got.Version != i+1 {
				t.Errorf("note %d of %d: got version %d and %d bytes, want %d and %d", i, id, got.Version, len(got.Body),
					i+1, len(body))
			}
		}
	}
	record, _ := s.Load(t.Context(), "s")
	for key := range record.SystemAttrs {
		if !IsKey(key) {
			t.Errorf("IsKey(%q) is false", key)
		}
	}
	for _, key := range []string{"dashboard:artifacts:1:x", "dashboard::note_ver", "note_ver", "dashboard:x:note_ver", "dashboard:note"} {
		if IsKey(key) {
			t.Errorf("IsKey(%q) is true", key)
		}
	}
	if got := Of(record, 1); got != (Note{}) {
		t.Errorf("a trial without a note has %+v", got)
	}
}

func TestStaleNotesAreRefused(t *testing.T) {
	s := &storage.Memory{}
	record, err := s.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := Update(record, 0, "mine")
	theirs, _ := Update(record, 0, "theirs, which is longer"+strings.Repeat("!", piece))
	if err := s.WriteStudy(t.Context(), record.ID, theirs); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteStudy(t.Context(), record.ID, mine); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("got %v, want %v", err, storage.ErrChanged)
	}
	record, _ = s.Load(t.Context(), "s")
	if got := Of(record, 0).Body; !strings.HasPrefix(got, "theirs") {
		t.Errorf("the note is %q", got)
	}
	if _, err := Update(record, 0, strings.Repeat("x", Longest+1)); err == nil {
		t.Error("a note of any length is accepted")
	}
}

// What another program has written need not be in order.
func TestDamagedNotesAreRead(t *testing.T) {
	for attrs, want := range map[string]Note{
		`{"dashboard:note_ver": "x", "dashboard:note_str:0": "a"}`:                              {0, "a"},
		`{"dashboard:note_ver": 3.0, "dashboard:note_str:0": "a", "dashboard:note_str:2": "c"}`: {3, "a"},
		`{"dashboard:note_ver": NaN, "dashboard:note_str:0": 1}`:                                {},
	} {
		var s storage.Study
		if err := json.Unmarshal([]byte(strings.ReplaceAll(attrs, "NaN", "null")), &s.SystemAttrs); err != nil {
			t.Fatal(err)
		}
		if got := Of(s, 0); got != want {
			t.Errorf("%s: got %+v, want %+v", attrs, got, want)
		}
	}
}

// optuna-dashboard reads our notes, and we read its.
func TestNotesOfOptunaDashboard(t *testing.T) {
	python := os.Getenv("BLUEFIN_PYTHON")
	if err := exec.Command(python, "-c", "import optuna_dashboard").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("BLUEFIN_PYTHON names no Python with optuna-dashboard: %v", err)
		}
		t.Skip("BLUEFIN_PYTHON names no Python with optuna-dashboard")
	}
	path := filepath.Join(t.TempDir(), "s.db")
	input, _ := json.Marshal(texts)
	run := func(mode string) string {
		t.Helper()
		cmd := exec.Command(python, filepath.Join("testdata", "notes.py"), mode, path)
		cmd.Stdin = strings.NewReader(string(input))
		out, err := cmd.Output()
		if err != nil {
			var exit *exec.ExitError
			errors.As(err, &exit)
			t.Fatalf("%s: %v: %s", mode, err, exit.Stderr)
		}
		return string(out)
	}
	run("write") // a study with a note, and a trial for each text
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ids := make([]int64, len(texts))
	record, err := db.Load(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range texts {
		if ids[i], err = db.TrialID(t.Context(), record.ID, i); err != nil {
			t.Fatal(err)
		}
		if got := Of(record, ids[i]); got.Body != body || got.Version != 2 { // a longer text came first
			t.Errorf("trial %d: version %d and %q, want 2 and %q", i, got.Version, got.Body, body)
		}
	}
	if got := Of(record, 0); got.Version != len(texts) || got.Body != texts[len(texts)-1] {
		t.Errorf("the study: got version %d and %q", got.Version, got.Body)
	}
	// Ours replace them, in the other order, and then its own code saves once more.
	for i := range texts {
		set(t, db, ids[i], texts[len(texts)-1-i])
	}
	set(t, db, 0, texts[6])
	var got struct {
		Study  string   `json:"study"`
		Trials []string `json:"trials"`
		Again  string   `json:"again"`
		Ver    int      `json:"ver"`
	}
	if err := json.Unmarshal([]byte(run("read")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Study != texts[6] || got.Again != "again" || got.Ver != len(texts)+2 {
		t.Errorf("optuna-dashboard reads %d characters and version %d, want %d and %d", len(got.Study), got.Ver,
			len(texts[6]), len(texts)+2)
	}
	for i := range texts {
		if want := texts[len(texts)-1-i]; i >= len(got.Trials) || got.Trials[i] != want {
			t.Errorf("optuna-dashboard reads the note of trial %d otherwise, want %q", i, want)
		}
	}
	if record, err = db.Load(t.Context(), "s"); err != nil || Of(record, 0) != (Note{len(texts) + 2, "again"}) {
		t.Errorf("its last note is %+v, %v", Of(record, 0), err)
	}
}

func TestNotesAreSafeHTML(t *testing.T) {
	for body, want := range map[string]string{
		"# Title\n\n**b** <b>x</b> & y":         "<h3>Title</h3>\n<p><strong>b</strong> <!-- raw HTML omitted -->x<!-- raw HTML omitted --> &amp; y</p>\n",
		"<script>alert(1)</script>":             "<!-- raw HTML omitted -->\n",
		"[x](javascript:alert(1))":              "<p><a href=\"\" rel=\"noopener noreferrer nofollow\">x</a></p>\n",
		"[x](JaVaScRiPt:alert(1) \"t\")":        "<p><a href=\"\" title=\"t\" rel=\"noopener noreferrer nofollow\">x</a></p>\n",
		"![alt *b*](http://e.org/p.png)":        "<p><a href=\"http://e.org/p.png\" rel=\"noopener noreferrer nofollow\"><em>alt <em>b</em></em></a></p>\n",
		"[![a](p.png)](http://e.org)":           "<p><a href=\"http://e.org\" rel=\"noopener noreferrer nofollow\"><em>a</em></a></p>\n",
		"![](data:text/html,x)":                 "<p><a href=\"\" rel=\"noopener noreferrer nofollow\"><em>picture</em></a></p>\n",
		"see https://e.org/x":                   "<p>see <a href=\"https://e.org/x\" rel=\"noopener noreferrer nofollow\">https://e.org/x</a></p>\n",
		"|a|b|\n|:-|-:|\n|1|2|":                 `<td align="left">1</td>`,
		"```js\n<x onclick=\"y\">\n```":         "<pre><code class=\"language-js\">&lt;x onclick=&quot;y&quot;&gt;\n</code></pre>\n",
		"\x00\u202e":                            "<p>\ufffd\u202e</p>\n",
		"<a href=\"x\" onmouseover=\"y\">z</a>": "<p><!-- raw HTML omitted -->z<!-- raw HTML omitted --></p>\n",
	} {
		got := string(Note{Body: body}.HTML())
		if !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
	for _, bad := range []string{"style=", "<script", "<img", "onclick=\"", "javascript:"} {
		for _, body := range append(texts, "|a|\n|:-:|\n|1|", "![x](http://e.org)", "<img src=x onerror=y>") {
			if got := string(Note{Body: body}.HTML()); strings.Contains(got, bad) {
				t.Errorf("%q: got %q, want no %s", body, got, bad)
			}
		}
	}
	for _, body := range []string{strings.Repeat(">", 100), strings.Repeat("> 1. ", 20), "x" + strings.Repeat("\n", longestMarkdown)} {
		if got := string(Note{Body: body}.HTML()); !strings.HasPrefix(got, "<pre>") {
			t.Errorf("%.20q… is formatted: %.50q", body, got)
		}
	}
}
