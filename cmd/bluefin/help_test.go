package main

import (
	"regexp"
	"strings"
	"testing"
)

// The help of finetune fits the terminal, and has each flag once.
func TestFinetuneHelp(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		cmd := finetuneCommand(width)
		for line := range strings.Lines(cmd.CustomHelpTemplate) {
			if n := len([]rune(line)) - 1; n > max(width, 90) && strings.HasPrefix(line, "   -") || width == 80 && n > 90 {
				t.Errorf("at %d columns there is a line of %d: %s", width, n, line)
			}
		}
		for _, f := range cmd.Flags {
			name := f.Names()[0]
			if n := len(regexp.MustCompile(`(?m)^   --`+name+`\b[^-]`).FindAllString(cmd.CustomHelpTemplate, -1)); n != 1 {
				t.Errorf("--%s is there %d times, want once", name, n)
			}
		}
	}
	help := finetuneCommand(80).CustomHelpTemplate
	last := -1
	for _, what := range []string{"--train ", "--trials ", "--metric ", "--durability "} { // most used first
		at := strings.Index(help, "   "+what)
		if at <= last {
			t.Errorf("%s stands at %d, after %d", what, at, last)
		}
		last = at
	}
}
