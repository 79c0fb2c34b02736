package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
)

// TestMain lets a measurement start this binary as the program, for workers of their own.
func TestMain(m *testing.M) {
	if os.Getenv("BLUEFIN_BENCH_WORKER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A scaleResult is a row of what scale prints.
type scaleResult struct {
	Form    string
	Workers int
	Trials  int
	Errors  int
	Rate    float64  `json:"trials_per_s"`
	Ask     float64  `json:"ask_p50_ms"`
	AskP99  float64  `json:"ask_p99_ms"`
	Report  *float64 `json:"report_p50_ms"`
	Tell    float64  `json:"tell_p50_ms"`

	DatabaseMB float64 `json:"database_mb"`
}

func TestScaleMeasuresProcessesOnAFile(t *testing.T) {
	t.Setenv("BLUEFIN_BENCH_WORKER", "1")
	rows := benchJSON[scaleResult](t, "scale", "--workers", "1,3", "--trials", "7", "--steps", "2", "--step", "1ms")
	if len(rows) != 2 {
		t.Fatalf("got %d rows, want 2", len(rows))
	}
	for i, r := range rows {
		if r.Form != "file" || r.Workers != []int{1, 3}[i] || r.Trials != 7 || r.Errors != 0 || r.Rate <= 0 || r.Ask <= 0 ||
			r.AskP99 < r.Ask || r.Report == nil || *r.Report <= 0 || r.Tell <= 0 {
			t.Errorf("got %+v", r)
		}
	}
}

func TestScaleNamesTheWorkerThatCannotConnect(t *testing.T) {
	t.Setenv("BLUEFIN_BENCH_WORKER", "1")
	code, out, messages := bench(t, "scale", "--workers", "2", "--trials", "2", "--dir", "/nowhere")
	if code != exitError || out != "" || !strings.Contains(messages, "/nowhere") || strings.Count(messages, "\n") != 1 {
		t.Errorf("exit code %d, %q, %q", code, out, messages)
	}
}

func TestScaleMeasuresProcessesOnPostgreSQL(t *testing.T) {
	pgtest.Start(t) // skips without it
	t.Setenv("BLUEFIN_BENCH_WORKER", "1")
	rows := benchJSON[scaleResult](t, "scale", "--forms", "postgres", "--workers", "2", "--trials", "5")
	if len(rows) != 1 || rows[0].Trials != 5 || rows[0].Errors != 0 || rows[0].Ask <= 0 || runtime.GOOS == "linux" && rows[0].DatabaseMB <= 0 {
		t.Errorf("got %+v", rows)
	}
}

// One test for all that go through bluefin serve: building and starting it takes the longest.
func TestScaleMeasuresBluefinServe(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds bluefin")
	}
	program := filepath.Join(t.TempDir(), "bluefin")
	if out, err := exec.Command("go", "build", "-o", program, "../bluefin").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rows := benchJSON[scaleResult](t, "scale", "--bluefin", program, "--forms", "http,grpc,remote", "--workers", "3", "--trials", "7",
		"--steps", "1")
	for _, r := range rows {
		if r.Trials != 7 || r.Errors != 0 || r.Ask <= 0 || r.Report == nil || r.Tell <= 0 {
			t.Errorf("got %+v", r)
		}
	}
	if len(rows) != 3 {
		t.Errorf("got %d rows, want 3", len(rows))
	}
}
