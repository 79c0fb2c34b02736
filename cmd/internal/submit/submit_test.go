package submit_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/submit"
)

func workers() submit.Workers {
	return submit.Workers{Storage: "postgresql://bluefin@db/bluefin", Study: "digits", Count: 8, Grace: 90 * time.Second,
		Program: "bluefin", Command: []string{"python", "train.py"}}
}

func slurm() submit.Slurm { return submit.Slurm{Workers: workers(), GPUs: "1"} }

func kubernetes() submit.Kubernetes {
	return submit.Kubernetes{Workers: workers(), Image: "example.org/train:1", User: 65532, Retries: 10, Failures: 4}
}

// hostile are words that quoting easily gets wrong.
var hostile = []string{"", "a b", `'"` + "`", "$HOME", "$(id)", "$$(NAME)", "$(NAME)", "$$", "a\nb", "\n#SBATCH --uid=0",
	"# no", "~", "a=~/b", "{a,b}", "*", "!!", `\`, `\n`, "%a", "- x", "a: b", "no", "null", "1e3", "0x1f", "2026-01-01",
	"研究 é", "\u2028\u0085\ufeff", "\x01\x7f\t", "{{.}}", "&a *b", "|", ">", "@x", strings.Repeat("long word ", 50), "-", "--",
	"-x", "a\\\nb", "EOF\n---\nkind: Pod", "\r\n"}

func TestWhatIsOutOfRangeIsRefusedByTheNameOfItsFlag(t *testing.T) {
	for want, change := range map[string]func(*submit.Slurm, *submit.Kubernetes){
		"--study-name is empty":  func(s *submit.Slurm, k *submit.Kubernetes) { s.Study, k.Study = "", "" },
		"--workers is 0":         func(s *submit.Slurm, k *submit.Kubernetes) { s.Count, k.Count = 0, 0 },
		"--workers is 100001":    func(s *submit.Slurm, k *submit.Kubernetes) { s.Count, k.Count = 100_001, 100_001 },
		"--max-trials is -1":     func(s *submit.Slurm, k *submit.Kubernetes) { s.MaxTrials, k.MaxTrials = -1, -1 },
		"--max-time is -1ns":     func(s *submit.Slurm, k *submit.Kubernetes) { s.MaxTime, k.MaxTime = -1, -1 },
		"--grace is 0s":          func(s *submit.Slurm, k *submit.Kubernetes) { s.Grace, k.Grace = 0, 0 },
		"--name is \"A\"":        func(s *submit.Slurm, k *submit.Kubernetes) { s.Name, k.Name = "A", "A" },
		"want UTF-8 without NUL": func(s *submit.Slurm, k *submit.Kubernetes) { s.Study, k.Study = "\xff", "a\x00" },
	} {
		s, k := slurm(), kubernetes()
		change(&s, &k)
		_, err := s.Script()
		_, err2 := k.Manifest()
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

// A name that needed no change stays; others get a hash, so no two studies share a job.
func TestNamesOfJobsAreLabelsAndDistinct(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	seen := map[string]string{}
	studies := append([]string{"digits", "Digits", "digits ", "a/b", "a.b", "a-b", "a_b", "-", "a-", strings.Repeat("x", 54),
		strings.Repeat("x", 53), strings.Repeat("x", 52), strings.Repeat("x", 500), strings.Repeat("-x", 50)}, hostile...)
	for _, study := range studies {
		for _, count := range []int{1, 11, 100_000} {
			w := workers()
			w.Study, w.Count = study, count
			name, err := w.JobName()
			if err != nil || !valid.MatchString(name+"-"+strconv.Itoa(count-1)) {
				t.Errorf("%q, %d workers: got %q and %v", study, count, name, err)
			}
			if other, ok := seen[name]; ok && other != study {
				t.Errorf("%q and %q are both %q", study, other, name)
			}
			seen[name] = study
		}
	}
	if seen["bluefin-digits"] != "digits" || seen["bluefin-a-b"] != "a-b" {
		t.Errorf("got %v, want names that are labels unchanged", seen)
	}
}
