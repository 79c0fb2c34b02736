package command

import (
	"slices"
	"strings"
	"testing"
)

// A parameter that a trial does not have leaves no empty argument behind, which argparse would refuse.
func TestAbsentParametersAreLeftOut(t *testing.T) {
	for _, c := range []struct {
		args   string
		params map[string]any
		want   string
	}{
		{"--lr {lr} --momentum {momentum} --x 1", map[string]any{"lr": 0.1}, "--lr 0.1 --x 1"},
		{"--lr={lr} --momentum={momentum}", map[string]any{"lr": 0.1, "momentum": nil}, "--lr=0.1"},
		{"--verbose {switch} --lr {lr}", map[string]any{"lr": 0.1, "switch": nil}, "--verbose --lr 0.1"},
		{"--verbose {switch} --lr {lr}", map[string]any{"lr": 0.1, "switch": "--fp16"}, "--verbose --fp16 --lr 0.1"},
		{"{momentum} a={momentum} m{momentum}", map[string]any{"lr": 0.1}, "a= m"},
		{"--momentum {momentum}", map[string]any{"momentum": 0.5}, "--momentum 0.5"},
		{"--log-level {log_level} {other}", map[string]any{"log_level": nil}, "{other}"},
	} {
		cfg := Config{Args: append([]string{"python"}, strings.Fields(c.args)...), Optional: []string{"momentum"}}
		got, err := cfg.arguments(c.params, nil)
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s with %v: got %q and %v, want %s", c.args, c.params, got, err, c.want)
		}
	}
}
