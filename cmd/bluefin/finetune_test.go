package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestFinetuneScripts runs the sessions of testdata/finetune, which have a tiny
// encoder in $TINY, messages in $WORK/messages.csv, and the measurements of
// package tabular in $CANCER.
func TestFinetuneScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/finetune", RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		for name, path := range map[string]string{
			"TINY":   "../../objective/finetune/internal/bert/testdata/tiny",
			"CANCER": "../../objective/finetune/tabular/testdata/breast-cancer.csv",
		} {
			path, err := filepath.Abs(path)
			if err != nil {
				return err
			}
			e.Setenv(name, path)
		}
		return os.WriteFile(filepath.Join(e.WorkDir, "messages.csv"), []byte(messages(150)), 0o666)
	}})
}

// messages returns a file of n different texts in the words of the tiny
// encoder, about late, broken and fine parcels.
func messages(n int) string {
	starts := []string{"the parcel", "a parcel", "parcel", "the refund", "it"}
	middles := []string{" is ", " was ", " came ", " was very ", " is very "}
	ends := []string{".", "!", "!!", "...", ", thanks", ", thanks!", ", not early", ", very very not"}
	var b strings.Builder
	b.WriteString("text,label,length\n")
	for i := range n {
		label := []string{"late", "broken", "fine"}[i%3]
		k := i / 3
		text := starts[k%5] + middles[k/5%5] + label + ends[k/25%8]
		fmt.Fprintf(&b, "%q,%s,%d\n", text, label, len(text))
	}
	return b.String()
}

func TestShortTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 400 * time.Microsecond: "0.4 ms", 7 * time.Millisecond: "7 ms", 123456 * time.Microsecond: "123 ms", 999 * time.Millisecond: "1.0 s",
		1260 * time.Millisecond: "1.3 s", 9960 * time.Millisecond: "10 s", 45 * time.Second: "45 s", 59600 * time.Millisecond: "1m00s", 477 * time.Second: "7m57s",
		3*time.Hour + 61234*time.Millisecond: "3h01m", time.Hour - time.Millisecond: "1h00m",
	} {
		if got := shortTime(d); got != want {
			t.Errorf("%v is shown as %s, want %s", d, got, want)
		}
	}
}

func TestAvailableMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(file, []byte("MemTotal:       24000 kB\nMemFree:         1000 kB\nMemAvailable:    2000 kB\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if n, ok := availableMemory(file); !ok || n != 2000<<10 {
		t.Errorf("%d bytes, %t, want 2000 KiB", n, ok)
	}
	if _, ok := availableMemory(file + ".missing"); ok {
		t.Error("a file that is missing says something")
	}
}
