package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts and tests run this program under the name bluefin.
func TestMain(m *testing.M) {
	os.Setenv("TZ", "UTC")
	if n, err := strconv.Atoi(os.Getenv("BLUEFIN_MIXED_TRIALS")); err == nil {
		budget, _ := strconv.Atoi(os.Getenv("BLUEFIN_MIXED_BUDGET"))
		if err := mixedWorker(os.Getenv("BLUEFIN_MIXED_STORAGE"), n, budget); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	testscript.Main(m, map[string]func(){"bluefin": main})
}

// TestScripts runs the sessions of testdata/script: what a user types, and
// what comes back.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
