package dashboard

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVendoredFilesHaveTheirHashes(t *testing.T) {
	list, err := os.Open("static/vendor/VENDORED")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	script, err := os.ReadFile("vendor-js.sh")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for lines := bufio.NewScanner(list); lines.Scan(); {
		switch fields := strings.Fields(lines.Text()); {
		case strings.HasPrefix(lines.Text(), "#"):
		case strings.Contains(fields[0], "@"): // a package
			if !strings.Contains(string(script), "="+fields[0]+"\n") {
				t.Errorf("vendor-js.sh gets another version than %s", fields[0])
			}
		default:
			want[fields[1]] = fields[0]
		}
	}
	files, err := filepath.Glob("static/vendor/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "VENDORED" {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != want[name] {
			t.Errorf("%s has SHA-256 %s, want %q as in VENDORED", name, got, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing in static/vendor: %v", want)
	}
}

func TestStaticFilesAreServed(t *testing.T) {
	s, err := newStatic()
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, accept, tag string) *http.Response {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	for name, file := range s.files {
		packed := get(s.path+"/"+name, "br, gzip;q=0.5", "")
		z, err := gzip.NewReader(packed.Body)
		if err != nil || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: not compressed: %v", name, err)
		}
		want, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		for _, accept := range []string{"", "br", "gzip;q=0"} {
			plain := get(s.path+"/"+name, accept, "")
			got, err := io.ReadAll(plain.Body)
			if err != nil || plain.Header.Get("Content-Encoding") != "" || !bytes.Equal(got, want) {
				t.Errorf("%s with Accept-Encoding %q: %d bytes of encoding %q, error %v; want %d bytes as they are",
					name, accept, len(got), plain.Header.Get("Content-Encoding"), err, len(want))
			}
		}
		if got := get(s.path+"/"+name, "gzip", file.tag).StatusCode; got != http.StatusNotModified {
			t.Errorf("%s again: status %d, want 304", name, got)
		}
	}
	for _, path := range []string{"/static/", s.path, s.path + "/", "/static/0/main.js", s.path + "/../static.go", s.path + "/vendor/uPlot.min.js.gz"} {
		if got := get(path, "gzip", "").StatusCode; got != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, got)
		}
	}
}
