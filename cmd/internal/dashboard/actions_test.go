package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard/notes"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A site is a server with a study of two finished trials, and trial 2, which runs.
type site struct {
	*testing.T
	url     string
	db      *sqlite.DB
	study   *study.Study
	id      int64
	running *study.Trial
	dir     string // of the file
}

func newSite(t *testing.T, cfg Config) *site {
	t.Helper()
	dir := t.TempDir()
	cfg.Path = filepath.Join(dir, "s.db")
	db, err := sqlite.Open(t.Context(), cfg.Path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	st, err := study.Open(t.Context(), study.Config{Name: `s "<b>&'`, Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, db: db, study: st, dir: dir}
	for i := range 3 {
		tr, err := st.Ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		tr.LogFloat("lr", 1e-5, 0.1)
		tr.Int("n", 1, 9)
		tr.Categorical("opt", "adam", "", "sgd <i>", "a\r\nb")
		if err := tr.Report(1, 0.5); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			s.running = tr
			break
		}
		if _, err := st.Tell(t.Context(), tr, float64(i)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := db.Studies(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.id = all[0].ID
	server, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		web.Close()
		server.Close()
	})
	s.url = web.URL
	return s
}

func (s *site) path(format string, args ...any) string {
	return fmt.Sprintf("/studies/%d", s.id) + fmt.Sprintf(format, args...)
}

// browser returns a client with cookies, which follows redirects.
func browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar}
}

func (s *site) do(c *http.Client, r *http.Request, err error, status int) string {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	answer, err := c.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	if answer.StatusCode != status {
		s.Fatalf("%s %s: got %d, want %d: %s", r.Method, r.URL, answer.StatusCode, status, body)
	}
	return string(body)
}

func (s *site) get(c *http.Client, path string, status int) string {
	s.Helper()
	r, err := http.NewRequest("GET", s.url+path, nil)
	return s.do(c, r, err, status)
}

func (s *site) post(c *http.Client, path string, form url.Values, status int) string {
	s.Helper()
	r, err := http.NewRequest("POST", s.url+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(c, r, err, status)
}

func (s *site) wants(page string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			s.Errorf("want %q in the page:\n%s", part, page)
		}
	}
}

func (s *site) record() storage.Study {
	s.Helper()
	record, err := s.db.Load(s.Context(), s.study.Name())
	if err != nil {
		s.Fatal(err)
	}
	return record
}

// changes are the addresses that change something.
func (s *site) changes() []string {
	return []string{s.path("/stop"), s.path("/delete"), s.path("/enqueue"), s.path("/note"), s.path("/artifacts"),
		s.path("/trials/2/stop"), s.path("/trials/2/note"), s.path("/trials/2/artifacts")}
}

func TestViewersOnlyRead(t *testing.T) {
	s := newSite(t, Config{})
	before := s.record()
	for _, path := range s.changes() {
		s.wants(s.get(browser(), path, 403), "only reads")
		s.wants(s.post(browser(), path, url.Values{"sure": {"yes"}, "note": {"x"}, "version": {"0"}}, 403), "only reads")
	}
	if after := s.record(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the study is %v, was %v", after, before)
	}
	for _, path := range []string{s.path(""), s.path("/trials/2")} {
		if page := s.get(browser(), path, 200); strings.Contains(page, "/stop") || strings.Contains(page, `method="post"`) {
			t.Errorf("%s offers a change", path)
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	s := newSite(t, Config{AllowWrite: true})
	for _, path := range s.changes() {
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}} {
			r, err := http.NewRequest("POST", s.url+path, strings.NewReader("sure=yes&version=0&note=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			s.wants(s.do(browser(), r, err, 403), "comes from another site")
		}
	}
	if record := s.record(); len(record.SystemAttrs) > 0 {
		t.Errorf("the study has %v", record.SystemAttrs)
	}
}

func TestStudiesAndTrialsAreStopped(t *testing.T) {
	s := newSite(t, Config{AllowWrite: true})
	c := browser()
	s.wants(s.get(c, s.path(""), 200), "Stop the study", "Queue a trial", "Delete the study")
	s.wants(s.get(c, s.path("/trials/2"), 200), "Stop the trial")
	s.wants(s.get(c, s.path("/trials/2/stop"), 200), "Stop trial 2?", "0.5 at step 1")
	s.wants(s.post(c, s.path("/trials/2/stop"), nil, 200), "Trial 2 is stopped.", "pruned")
	if page := s.get(c, s.path("/trials/2"), 200); strings.Contains(page, "is stopped") || strings.Contains(page, "/stop") {
		t.Error("the message is shown twice, or a trial that has ended can be stopped")
	}
	if tr, err := s.study.Trial(t.Context(), 2); err != nil || tr.State != trial.Pruned || tr.Values[0] != 0.5 {
		t.Errorf("got %+v, %v", tr, err)
	}
	// Another browser that still shows it.
	s.wants(s.post(browser(), s.path("/trials/2/stop"), nil, 409), "trial 2", "PRUNED")
	s.wants(s.get(browser(), s.path("/trials/2/stop"), 409), "does not run")
	s.get(browser(), s.path("/trials/99/stop"), 404)
	s.get(browser(), s.path("/trials/x/stop"), 404)
	s.post(browser(), s.path("/trials/99/stop"), nil, 404)

	s.wants(s.get(c, s.path("/stop"), 200), "Stop the study?", "&#34;&lt;b&gt;&amp;&#39;")
	s.wants(s.post(c, s.path("/stop"), nil, 200), "The study stops")
	if s.record().SystemAttrs[sysattr.Stop] == nil {
		t.Error("the study is not stopped")
	}
}

func TestStudiesAreDeleted(t *testing.T) {
	s := newSite(t, Config{AllowWrite: true})
	c := browser()
	s.wants(s.get(c, s.path("/delete"), 200), "It has 3 trials", "1 of them run now", `type="checkbox"`)
	s.wants(s.post(c, s.path("/delete"), nil, 400), "not ticked")
	s.record()
	s.wants(s.post(c, s.path("/delete"), url.Values{"sure": {"yes"}}, 200), "The study is deleted.", "no study yet")
	if _, err := s.db.Load(t.Context(), s.study.Name()); err == nil {
		t.Error("the study is still there")
	}
	for status := 200; status != 404; time.Sleep(50 * time.Millisecond) { // until the server has noticed
		answer, err := http.Get(s.url + s.path("/enqueue"))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		status = answer.StatusCode
	}
	// A browser that still shows it.
	for _, path := range append(s.changes(), s.path(""), s.path("/workers"), s.path("/trials/2")) {
		s.get(browser(), path, 404)
	}
	for _, path := range s.changes() {
		if !strings.HasSuffix(path, "/artifacts") {
			s.post(browser(), path, url.Values{"sure": {"yes"}, "version": {"0"}}, 404)
		}
	}
}

func TestTrialsAreQueued(t *testing.T) {
	s := newSite(t, Config{AllowWrite: true})
	c := browser()
	best, err := s.study.Best(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lr, _ := best.Param("lr")
	s.wants(s.get(c, s.path("/enqueue"), 200), fmt.Sprintf("trial %d, the best one", best.Number),
		fmt.Sprintf(`name="p.lr" value="%v"`, lr.External()), "1e-05 to 0.1, log", "sgd &lt;i&gt;")
	for _, test := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"p.lr": {"5"}}, "Parameter lr is 5, want 1e-05 to 0.1, log."},
		{url.Values{"p.lr": {"NaN"}}, "Parameter lr is NaN, want"},
		{url.Values{"p.lr": {"many"}}, "Parameter lr is many, want"},
		{url.Values{"p.n": {"2.5"}}, "Parameter n is 2.5, want 1 to 9."},
		{url.Values{"p.n": {"10"}}, "Parameter n is 10, want 1 to 9."},
		{url.Values{"p.n": {"99999999999999999999"}}, "want 1 to 9."},
		{url.Values{"p.opt": {"adagrad"}}, "Parameter opt is adagrad, want adam, \"\", sgd"},
		{url.Values{"p.wd": {"1"}}, "There is no parameter wd."},
		{url.Values{"x": {"1"}}, "There is no parameter x."},
	} {
		page := html.UnescapeString(s.post(c, s.path("/enqueue"), test.form, 400))
		s.wants(page, test.want)
		for key, values := range test.form { // what was typed is still there
			if key == "p.lr" || key == "p.n" {
				s.wants(page, fmt.Sprintf(`name="%s" value="%s"`, key, values[0]))
			}
		}
	}
	for i, test := range []struct {
		form url.Values
		want map[string]any
	}{
		{url.Values{"p.lr": {" 0.001 "}, "p.n": {"3"}, "p.opt": {"sgd <i>"}}, map[string]any{"lr": 0.001, "n": 3.0, "opt": "sgd <i>"}},
		{url.Values{"p.lr": {""}, "p.n": {""}, "p.opt": {""}}, map[string]any{}},
		{url.Values{"p.opt": {`""`}}, map[string]any{"opt": ""}},
		{url.Values{"p.opt": {"a\r\nb"}}, map[string]any{"opt": "a\r\nb"}},
	} {
		s.wants(s.post(c, s.path("/enqueue"), test.form, 200), fmt.Sprintf("Trial %d is queued.", 3+i))
		tr, err := s.study.Trial(t.Context(), 3+i)
		if err != nil || tr.State != trial.Waiting {
			t.Fatalf("got %+v, %v", tr, err)
		}
		var got map[string]any
		if err := json.Unmarshal(tr.SystemAttrs[sysattr.FixedParams], &got); err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%v: queued %v, %v, want %v", test.form, got, err, test.want)
		}
	}
	s.post(c, s.path("/enqueue"), url.Values{"p.lr": {strings.Repeat("1", 5<<20)}}, 413)
}

func TestNotesAreEditedByOneAtATime(t *testing.T) {
	s := newSite(t, Config{AllowWrite: true})
	mine, theirs := browser(), browser()
	for _, test := range []struct {
		path string
		id   int64
	}{{s.path(""), 0}, {s.path("/trials/1"), must(s.db.TrialID(t.Context(), s.id, 1))}} {
		s.wants(s.get(mine, test.path, 200), "There is none.", `href="`+test.path+`/note"`)
		s.wants(s.get(mine, test.path+"/note", 200), `name="version" value="0"`)
		s.wants(s.post(theirs, test.path+"/note", url.Values{"version": {"0"}, "note": {"\n# Theirs\r\n**b** <script>x</script>"}}, 200),
			"The note is saved.", "<h3>Theirs</h3>", "<strong>b</strong> <!-- raw HTML omitted -->")
		page := s.post(mine, test.path+"/note", url.Values{"version": {"0"}, "note": {"Mine & </textarea>"}}, 409)
		s.wants(page, "Somebody else has saved", "Mine &amp; &lt;/textarea&gt;", `name="version" value="1"`, "# Theirs\n**b** &lt;script&gt;")
		if got := notes.Of(s.record(), test.id); got.Body != "\n# Theirs\n**b** <script>x</script>" || got.Version != 1 {
			t.Errorf("the note is %+v", got)
		}
		s.wants(s.post(mine, test.path+"/note", url.Values{"version": {"1"}, "note": {"Mine"}}, 200), "<p>Mine</p>")
		if got := notes.Of(s.record(), test.id); got != (notes.Note{Version: 2, Body: "Mine"}) {
			t.Errorf("the note is %+v", got)
		}
		s.wants(s.post(mine, test.path+"/note", url.Values{"version": {"2"}, "note": {strings.Repeat("x", notes.Longest+1)}}, 400), "want at most")
		s.post(mine, test.path+"/note", url.Values{"version": {"x"}}, 400)
	}
	s.get(mine, s.path("/trials/99/note"), 404)
	s.post(mine, s.path("/trials/99/note"), url.Values{"version": {"0"}}, 404)
}

// upload posts a file as browsers do.
func (s *site) upload(path, name, content string, status int) string {
	s.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("file", name)
	if err != nil {
		s.Fatal(err)
	}
	_, _ = part.Write([]byte(content))
	m.Close()
	r, err := http.NewRequest("POST", s.url+path, &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return s.do(browser(), r, err, status)
}

func TestArtifactsAreSentAsFiles(t *testing.T) {
	folder := t.TempDir()
	s := newSite(t, Config{AllowWrite: true, ArtifactDir: folder})
	for _, test := range []struct{ path, name string }{{s.path(""), "plain.html"}, {s.path("/trials/2"), `ü "quoted".svg`}} {
		s.wants(s.get(browser(), test.path, 200), "Attach a file")
		page := html.UnescapeString(s.upload(test.path+"/artifacts", test.name, "<script>alert(1)</script>", 200))
		s.wants(page, test.name, "25 B")
		_, after, _ := strings.Cut(page, `href="`+test.path+`/artifacts/`)
		id, _, _ := strings.Cut(after, `"`)
		answer, err := http.Get(s.url + test.path + "/artifacts/" + id)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		h := answer.Header
		if string(body) != "<script>alert(1)</script>" || h.Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %q, %v", test.name, body, h)
		}
		// Bytes that are gone.
		if err := os.Remove(filepath.Join(folder, id)); err != nil {
			t.Fatal(err)
		}
		s.wants(s.get(browser(), test.path, 200), "missing", "not in the folder of --artifact-dir")
		s.wants(s.get(browser(), test.path+"/artifacts/"+id, 404), "not in the folder")
	}
	// A file in the folder that belongs to nothing here, and paths.
	if err := os.WriteFile(filepath.Join(folder, "abc"), []byte("other"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"abc", "..%2fs.db", "%2e%2e%2fs.db", "%2fetc%2fpasswd", "..", "a%00b"} {
		c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		answer, err := c.Get(s.url + s.path("/artifacts/") + id)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode == 200 {
			t.Errorf("%s: got %s", id, body)
		}
	}
	// A trial that has finished does not change, and nothing is left of the file.
	s.upload(s.path("/trials/1/artifacts"), "x", "y", 409)
	s.wants(s.upload(s.path("/artifacts"), "", "y", 400), "file")
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("the folder has %v", entries)
	}
	s.wants(s.post(browser(), s.path("/artifacts"), url.Values{"file": {"x"}}, 400), "no file")
}

func TestArtifactsWithoutAFolder(t *testing.T) {
	s := newSite(t, Config{AllowWrite: true})
	attr := json.RawMessage(`"{\"artifact_id\": \"a-1\", \"filename\": \"model.bin\", \"mimetype\": \"x/y\", \"encoding\": null}"`)
	u := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{"artifacts:a-1": attr}}
	if err := s.db.WriteStudy(context.WithoutCancel(t.Context()), s.id, u); err != nil {
		t.Fatal(err)
	}
	page := s.get(browser(), s.path(""), 200)
	s.wants(page, "model.bin", "--artifact-dir FOLDER")
	if strings.Contains(page, "Attach") {
		t.Error("files can be attached")
	}
	s.wants(s.upload(s.path("/artifacts"), "x", "y", 409), "--artifact-dir FOLDER")
	s.wants(s.get(browser(), s.path("/artifacts/a-1"), 404), "--artifact-dir FOLDER")
}
