package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFolderNamesAreShortValidAndDifferent(t *testing.T) {
	long := strings.Repeat("ü", 150)
	seen := map[string]string{}
	for _, study := range []string{"a", "a/b", "..", long, long + "x", long + "y", strings.Repeat("/", 300)} {
		name := folderName(study)
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q have one folder, %q", study, other, name)
		}
		if seen[name] = study; len(name) > 200 || !utf8.ValidString(name) || strings.Contains(name, "/") {
			t.Errorf("%q has folder %q", study, name)
		}
	}
}
