package command

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/study"
)

// An Action is what happens after a program has failed.
type Action uint8

// The actions.
const (
	Fail       Action = iota // the trial has failed; the search continues
	Retry                    // the program runs again, in the same trial and folder
	Infeasible               // the trial is infeasible: samplers learn to avoid its parameters
	Stop                     // the search ends, and the trial returns to the queue
)

var actionNames = [...]string{"fail", "retry", "infeasible", "stop"}

// String returns the name of the action.
func (a Action) String() string { return word(a, actionNames[:], "Action") }

// ParseAction is the inverse of Action.String.
func ParseAction(name string) (Action, error) {
	return parseWord[Action](name, actionNames[:], "action")
}

// A Failure is a rule for programs that end with a code other than 0 or by a signal, report no
// metric or NaN, or exceed a timeout. All of its conditions must hold; without any it matches every
// failure.
type Failure struct {
	Exit    []int          // one of these exit codes; a signal counts as 128 and its number. nil: any
	Signal  string         // such as KILL, also from a shell's exit code 137. "": any
	Match   *regexp.Regexp // occurs in a line of the last 256 KiB of output. nil: any
	Do      Action
	Retries int // of a trial, by a rule to Retry, which then no longer matches; 0: 1
}

// defaultFailures come after Config.Failures.
var defaultFailures = []Failure{
	// PyTorch on CUDA, ROCm, Apple's GPUs and CPUs; JAX; TensorFlow; Python, NumPy and Java; C++; Slurm.
	{Match: regexp.MustCompile(`(?:CUDA|HIP|MPS backend) out of memory|CUDA error: out of memory|` +
		`CUBLAS_STATUS_ALLOC_FAILED|DefaultCPUAllocator: (?:can't|not enough) |RESOURCE_EXHAUSTED: Out of memory|` +
		`OOM when allocating|MemoryError\b|std::bad_alloc|oom_kill event`), Do: Infeasible},
	{Match: regexp.MustCompile(`No space left on device|Disk quota exceeded`), Do: Stop},
}

func (f Failure) check() error {
	if f.Do > Stop {
		return fmt.Errorf("action is %d, want 0 to %d", f.Do, Stop)
	}
	if f.Retries < 0 {
		return fmt.Errorf("retries are %d, want at least 0", f.Retries)
	}
	if f.Retries > 0 && f.Do != Retry {
		return fmt.Errorf("retries are %d and the action is %v, want retry", f.Retries, f.Do)
	}
	if f.Signal != "" && signalNumber(f.Signal) == 0 {
		return fmt.Errorf("signal is %q, want a name such as KILL or TERM", f.Signal)
	}
	return nil
}

// matches reports whether a rule holds, and the line that it found.
func (f Failure) matches(failed *failure) (line string, ok bool) {
	if len(f.Exit) > 0 && !slices.Contains(f.Exit, failed.exit) ||
		f.Signal != "" && failed.exit != 128+signalNumber(f.Signal) {
		return "", false
	}
	if f.Match == nil {
		return "", true
	}
	for _, line := range slices.Backward(failed.output) {
		if f.Match.MatchString(line) {
			return line, true
		}
	}
	return "", false
}

// A failure is why a run of the program failed.
type failure struct {
	reason string
	err    error    // of the process, or nil
	exit   int      // its exit code; 128 and more: a signal; -1: it was stopped
	output []string // the last lines
	line   string   // of them that shows the reason; "": the last one
}

// Error returns the reason and the line that shows it, and below that the last lines of output.
func (f *failure) Error() string {
	text := f.reason
	switch {
	case len(f.output) == 0:
		return text + "; it printed nothing"
	case f.line != "":
		text += "; it printed: " + shorten(f.line)
	default:
		text += "; its last line: " + shorten(f.output[len(f.output)-1])
	}
	if len(f.output) == 1 {
		return text
	}
	return text + "\n\n" + strings.Join(f.tail(), "\n")
}

// tail returns the last lines of output that an error shows.
func (f *failure) tail() []string {
	lines := slices.Clone(f.output[max(0, len(f.output)-tailLines):])
	for i := range lines {
		lines[i] = shorten(lines[i])
	}
	return lines
}

// Output returns the last lines of output of the program that failed with err, nil if err has another
// cause.
func Output(err error) []string {
	var failed *failure
	if !errors.As(err, &failed) {
		return nil
	}
	return failed.tail()
}

// Unwrap returns the error of the process.
func (f *failure) Unwrap() error { return f.err }

// retry runs the program until it succeeds or no rule asks for another run.
func (c *Command) retry(t *study.Trial, run func() ([]float64, error)) ([]float64, error) {
	rules := slices.Concat(c.cfg.Failures, defaultFailures)
	used := make([]int, len(rules))
	for n := 1; ; n++ {
		values, err := run()
		var failed *failure
		if !errors.As(err, &failed) || t.Context().Err() != nil {
			return values, err
		}
		action := Fail
		for i, rule := range rules {
			if rule.Do == Retry && used[i] >= max(rule.Retries, 1) {
				continue
			}
			if line, ok := rule.matches(failed); ok {
				action, failed.line = rule.Do, line
				used[i]++
				break
			}
		}
		switch action {
		case Retry:
			first, _, _ := strings.Cut(failed.Error(), "\n")
			c.cfg.Logger.Info("the program failed and runs again", "trial", t.Number(), "retry", n, "reason", first)
			_ = t.SetUserAttr("retries", n)
		case Infeasible:
			return nil, fmt.Errorf("%w: %w", study.ErrInfeasible, failed)
		case Stop:
			return nil, &study.AbortError{Err: failed}
		default:
			return nil, failed
		}
	}
}
