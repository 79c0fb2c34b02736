package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// imports says which packages of this module each package may import, by the
// folders under the module's path; a name covers all below it. All may
// import internal. What is not listed may import nothing else.
var imports = map[string][]string{
	"internal":            {},
	"internal/wild":       {"trial", "space"},
	"space":               {},
	"trial":               {"space"},
	"sampler":             {"sampler/internal", "trial", "space"},
	"sampler/samplertest": {"sampler", "trial", "space"},
	"pruner":              {"internal/signedrank", "trial", "space"},
	"pruner/prunertest":   {"pruner", "trial", "space"},
	"storage":             {"trial", "space"},
	"storage/internal":    {"storage", "trial", "space"},
	"storage/sqlite":      {"storage", "trial", "space"},
	"storage/postgres":    {"storage", "trial", "space"},
	"storage/journal":     {"storage", "trial", "space"},
	"storage/remote":      {"storage", "trial", "space"},
	"storage/storagetest": {"storage", "trial", "space"},
	"study":               {"study/schedule", "storage", "sampler", "pruner", "trial", "space"},
	"study/importance":    {"trial", "space"},
	"study/schedule":      {"trial", "space"},
	"study/plot":          {"study/importance", "trial", "space"},
	"study/plot/picture":  {"study/plot"},
	"objective":           {"objective", "study", "storage", "trial", "space"},
	"cmd":                 {"cmd/internal", "internal/signedrank", "objective", "study", "storage", "sampler", "pruner", "trial", "space"},
	"examples":            {"objective", "study", "storage", "sampler", "pruner", "trial", "space"},
}

// All arrows point down: leaf packages know nothing of those above, and
// siblings never see each other.
func TestPackagesImportOnlyWhatLiesBelow(t *testing.T) {
	const module = "github.com/bluefin-hpo/bluefin/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{range .Imports}} {{.}}{{end}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		pkg, list, _ := strings.Cut(strings.TrimSpace(line), ":")
		pkg = strings.TrimPrefix(pkg, module)
		seen++
		for _, imp := range strings.Fields(list) {
			imp, ours := strings.CutPrefix(imp, module)
			if ours && !slices.ContainsFunc(allowed(pkg), func(a string) bool { return within(imp, a) }) {
				t.Errorf("%s imports %s", pkg, imp)
			}
		}
	}
	if seen < 15 {
		t.Errorf("go list knows only %d packages", seen)
	}
}

// allowed returns what the longest listed name that holds pkg may import.
func allowed(pkg string) []string {
	best := ""
	for name := range imports {
		if within(pkg, name) && len(name) > len(best) {
			best = name
		}
	}
	return append(imports[best], "internal")
}

func within(pkg, name string) bool { return pkg == name || strings.HasPrefix(pkg, name+"/") }

// Errors are printed as they are, and users know no packages.
func TestErrorsCarryNoPackagePrefix(t *testing.T) {
	pkg := regexp.MustCompile(`(?m)^package (\w+)$`)
	prefix := regexp.MustCompile("(?:errors\\.New|fmt\\.Errorf)\\([\"`](\\w+): ")
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		name := pkg.FindSubmatch(text)
		for _, found := range prefix.FindAllSubmatch(text, -1) {
			if name != nil && string(found[1]) == string(name[1]) {
				t.Errorf("%s: %s…, want it without the package", path, found[0])
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
