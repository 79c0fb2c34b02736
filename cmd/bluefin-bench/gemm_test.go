package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/kernel"
)

func TestGemmMeasuresEveryKernelAndGonum(t *testing.T) {
	type figure struct {
		Impl   string  `json:"impl"`
		Op     string  `json:"op"`
		M      int     `json:"m"`
		K      int     `json:"k"`
		N      int     `json:"n"`
		Gflops float64 `json:"gflops"`
	}
	var want []figure
	for _, s := range [][3]int{{5, 6, 7}, {20, 9, 33}} {
		for _, op := range []string{"NN", "NT", "TN"} {
			for _, kern := range kernel.Available() {
				want = append(want, figure{kern.String(), op, s[0], s[1], s[2], 0})
			}
			want = append(want, figure{"gonum", op, s[0], s[1], s[2], 0})
		}
	}
	got := benchJSON[figure](t, "gemm", "--sizes", "5,6,7, 20,9,33")
	if len(got) != len(want) {
		t.Fatalf("there are %d rows, want %d", len(got), len(want))
	}
	for i, g := range got {
		want[i].Gflops = g.Gflops
		if g != want[i] || !(g.Gflops > 0.001 && g.Gflops < 1e4) {
			t.Errorf("row %d is %+v, want %+v with a plausible figure", i, g, want[i])
		}
	}
}

func TestGemmExplainsAMistake(t *testing.T) {
	for args, want := range map[string]string{
		"--sizes 1,2":       "--sizes has 2 numbers, want three for each product",
		"--sizes 1,2,3,4":   "--sizes has 4 numbers",
		"--sizes 0,2,3":     `--sizes has "0", want numbers from 1 to 16384`,
		"--sizes 16385,2,3": `--sizes has "16385"`,
		"--sizes ,":         `--sizes has "", want numbers`,
	} {
		code, out, messages := bench(t, append([]string{"gemm"}, strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(messages, want) || strings.Count(messages, "\n") != 1 || out != "" {
			t.Errorf("%s: exit code %d, %q, %q; want %d and %q", args, code, out, messages, exitUsage, want)
		}
	}
}

func TestGemmEndsWithASignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, messages bytes.Buffer
	if code := run(ctx, []string{"bluefin-bench", "gemm"}, &out, &messages); code != exitInterrupted || out.Len() != 0 {
		t.Errorf("exit code %d, %q, %q; want %d and no data", code, out.String(), messages.String(), exitInterrupted)
	}
}
