package optuna

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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

// Optuna's own tests of its storages pass, except two that its own proxy server fails or we refuse:
// the order of parameters, which Python's protobuf does not keep, and a study without a name.
func TestOptunasSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Python")
	}
	db, _ := file(t)
	cmd := exec.CommandContext(t.Context(), python(t), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
		"-W", "ignore", "-k", "not params_order and not empty_name", filepath.Join("testdata", "suite.py"))
	cmd.Env = append(os.Environ(), "BLUEFIN_PROXY="+serve(t, db, true), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("56 passed, 3 deselected")) {
		t.Errorf("%v: %s", err, out)
	}
}
