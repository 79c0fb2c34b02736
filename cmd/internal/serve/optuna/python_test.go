package optuna

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
)

// python returns a Python that has Optuna 5 and grpcio, or skips the test.
func python(tb testing.TB) string {
	tb.Helper()
	name := os.Getenv("BLUEFIN_PYTHON")
	if name == "" {
		name = "python3"
	}
	out, err := exec.Command(name, "-c", "import grpc, google.protobuf, optuna; print(optuna.__version__)").CombinedOutput()
	if err == nil && strings.HasPrefix(string(out), "5.") {
		return name
	}
	message := fmt.Sprintf("%s has no Optuna 5 with grpcio (set BLUEFIN_PYTHON to one that has): %v %s",
		name, err, bytes.TrimSpace(out))
	if os.Getenv("CI") == "true" {
		tb.Fatal(message)
	}
	tb.Skip(message)
	return ""
}

// script runs one of our scripts in testdata, or a module, and returns what it prints.
func script(tb testing.TB, env string, args ...string) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("starts Python")
	}
	cmd := exec.CommandContext(tb.Context(), python(tb), append([]string{"-W", "ignore"}, args...)...)
	cmd.Dir = "testdata"
	cmd.Env = append(os.Environ(), env, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Errorf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// Optuna's own tests of its storages pass, except two that its own proxy server fails or we refuse:
// the order of parameters, which Python's protobuf does not keep, and a study without a name.
func TestOptunasSuite(t *testing.T) {
	db, _ := file(t)
	out := script(t, "BLUEFIN_PROXY="+serve(t, db, true), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
		"-W", "ignore", "-k", "not params_order and not empty_name", "suite.py")
	if !strings.Contains(out, "56 passed, 3 deselected") {
		t.Errorf("got %s", out)
	}
}

// Real clients of Optuna do what their users do, and see in the service what they see in the
// database.
func TestClients(t *testing.T) {
	script(t, "", "-c", "") // skips the test without Optuna
	t.Run("sqlite", func(t *testing.T) {
		db, path := file(t)
		script(t, "", "clients.py", serve(t, db, true), "sqlite:///"+path)
	})
	t.Run("postgres", func(t *testing.T) {
		db, url := database(t)
		script(t, "", "clients.py", serve(t, db, true), pgtest.SQLAlchemy(url))
	})
}

// database opens a new database of PostgreSQL with connections for a server, or skips the test.
func database(t *testing.T) (db *postgres.DB, url string) {
	t.Helper()
	url = pgtest.Start(t).Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{Connections: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, url
}
