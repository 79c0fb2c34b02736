package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"
)

// The files of deploy are what the commands of the guide print.
func TestDeployedFilesAreWhatTheGuideSays(t *testing.T) {
	guide, err := os.ReadFile("../../docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"array.sbatch", "job.yaml"} {
		line := regexp.MustCompile(`(?s)\n(bluefin submit [^>]*?) > ` + regexp.QuoteMeta(file) + "\n").FindSubmatch(guide)
		if line == nil {
			t.Errorf("the guide has no command that writes %s", file)
			continue
		}
		args, err := shellquote.Split(strings.ReplaceAll(string(line[1]), "\\\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Error(err)
		}
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != 0 || stdout.String() != string(want) {
			t.Errorf("%s exits with %d, %s and\n%s\nwant deploy/%s", line[1], code, &stderr, &stdout, file)
		}
	}
}

func TestSubmitNeedsTheClustersCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for program, args := range map[string][]string{
		"sbatch":  {"bluefin", "submit", "slurm", "--study-name", "a"},
		"kubectl": {"bluefin", "submit", "kubernetes", "--study-name", "a", "--image", "i", "--storage", "postgresql://db/x"},
	} {
		var stdout, stderr bytes.Buffer
		want := "bluefin: " + program + " is not on the PATH, want a machine that has it, or --dry-run\n"
		if code := run(t.Context(), args, &stdout, &stderr); code != 1 || stderr.String() != want || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d, %s and %s, want %s", args, code, &stderr, &stdout, want)
		}
	}
}

// What follows -- belongs to another program.
func TestListsAreSpreadOnlyBeforeTheProgram(t *testing.T) {
	args := []string{"bluefin", "tell", "--values", "1", "2", "--", "train", "--values", "1", "2"}
	want := []string{"bluefin", "tell", "--values=1", "--values=2", "--", "train", "--values", "1", "2"}
	if got := spreadLists(args); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
