package api_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// tool returns a program of the Python environment with schemathesis, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	python := os.Getenv("BLUEFIN_PYTHON")
	path := filepath.Join(filepath.Dir(python), name)
	if _, err := os.Stat(path); python == "" || err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_PYTHON names no Python with schemathesis")
		}
		t.Skip("BLUEFIN_PYTHON names no Python with schemathesis")
	}
	return path
}

// Requests that schemathesis makes from openapi.yaml, valid ones and others, in any order, get the answers that it
// promises.
func TestAnswersAreThoseOfTheDescription(t *testing.T) {
	st := tool(t, "schemathesis")
	var created atomic.Int64 // studies; most are deleted again
	c := serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := &answer{ResponseWriter: w}
			h.ServeHTTP(a, r)
			if r.Method == http.MethodPost && r.URL.Path == "/v1/studies" && a.status == http.StatusCreated {
				created.Add(1)
			}
		})
	})
	config, err := filepath.Abs("testdata/schemathesis.toml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), st, "--config-file", config, "run", c.url+"/v1/openapi.yaml", "--checks", "all",
		// A repeated idempotency key gets its first answer, even if the study has been deleted since.
		"--exclude-checks", "ensure_resource_availability",
		"--exclude-path", "/v1/studies/{name}/events", // its answer does not end
		// The phase of random requests ends with an error of its own now and then.
		"--phases", "examples,coverage,stateful",
		"--max-time", "40", "--max-examples", "20", "--seed", "1", "--no-color", "--generation-database", "none")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "NO_PROXY=*", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		if i := strings.Index(text, "FAILURES"); i >= 0 {
			text = text[i:]
		}
		t.Fatalf("%v: %s", err, text)
	}
	// A check that tests nothing would pass, too.
	if n := regexp.MustCompile(`Tested: 12\b`).FindString(text); n == "" {
		t.Errorf("not all operations were tested: %s", text)
	}
	if n := created.Load(); n == 0 {
		t.Error("no study was created")
	}
}

// An answer notes the status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
