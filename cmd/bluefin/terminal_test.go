//go:build unix

package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// A terminal runs a command in a pseudo-terminal and shows what a user would see. Only what has scrolled
// off its top is lost.
type terminal struct {
	testing.TB
	cmd *exec.Cmd
	tty *os.File
	vt  vt10x.Terminal

	mu   sync.Mutex
	all  strings.Builder // what was written
	raw  bool            // end returns all
	done chan struct{}
}

// startTerminal starts the command in a terminal of the given size.
func startTerminal(t testing.TB, columns, lines int, env []string, dir, name string, args ...string) *terminal {
	t.Helper()
	tt := &terminal{TB: t, cmd: exec.Command(name, args...), vt: vt10x.New(vt10x.WithSize(columns, lines)), done: make(chan struct{})}
	tt.cmd.Dir = dir
	tt.cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "CI=") || strings.HasPrefix(s, "NO_COLOR=") || strings.HasPrefix(s, "TERM=")
	})
	tt.cmd.Env = append(append(tt.cmd.Env, "TERM=xterm-256color"), env...)
	var err error
	tt.tty, err = pty.StartWithSize(tt.cmd, &pty.Winsize{Cols: uint16(columns), Rows: uint16(lines)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tt.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
		tt.tty.Close()
	})
	go func() {
		defer close(tt.done)
		buffer := make([]byte, 4096)
		for {
			n, err := tt.tty.Read(buffer)
			tt.mu.Lock()
			tt.vt.Write(buffer[:n])
			tt.all.Write(buffer[:n])
			tt.mu.Unlock()
			if err != nil { // EIO: the last process has closed it
				return
			}
		}
	}()
	return tt
}

// text returns the lines on the terminal, without spaces and lines at the end.
func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(t.vt.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// waitFor returns the screen once it has all of the texts.
func (t *terminal) waitFor(what ...string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		now := t.text()
		if !slices.ContainsFunc(what, func(s string) bool { return !strings.Contains(now, s) }) {
			return now
		}
		if time.Now().After(deadline) {
			t.Fatalf("the terminal does not show %q but\n%s", what, now)
		}
	}
}

// end waits for the command and returns its exit code and the last screen.
func (t *terminal) end() (int, string) {
	t.Helper()
	timer := time.AfterFunc(30*time.Second, func() { t.cmd.Process.Kill() })
	defer timer.Stop()
	<-t.done
	t.cmd.Wait()
	if t.raw {
		return t.cmd.ProcessState.ExitCode(), t.all.String()
	}
	return t.cmd.ProcessState.ExitCode(), t.text()
}

// stagesScript has a trial that completes, one that is pruned, one that fails, and one that runs until it is stopped.
const stagesScript = `
case $BLUEFIN_TRIAL_NUMBER in
0) echo step=1 loss=0.5; echo step=2 loss=0.25 ;;
1) echo step=1 loss=7; sleep 60 ;;
2) echo "FileNotFoundError: there is no file /data/images/train/labels.csv, nor one with .gz at its end"; exit 3 ;;
*) echo step=17 loss=0.125; sleep 60 ;;
esac`

// times are those on a screen, which differ from run to run.
var times = regexp.MustCompile(` *\b(\d+m\d\ds|\d+(\.\d+)? m?s)| *about \d+ \w+ left`)

func withoutTimes(screen string) string { return times.ReplaceAllString(screen, " TIME") }

// A search in a real terminal: while it runs, with a pruned and a failed trial, and after Ctrl-C.
func TestTerminal(t *testing.T) {
	for columns, want := range map[int][2]string{80: {`
bluefin: found the metric (metric loss, source text)
                                                x        opt
* trial   0/9  complete  loss 0.2500 TIME  8.04     sgd
  trial   1/9  pruned    loss 7.0000    step 1  8.83     sgd
  trial   2/9  fail      loss - TIME  2.02     adam
    (sh ended with exit status 3; its last line: FileNotFoundError: there is no
    file /data/images/train/labels.csv, nor one with .gz at its end)
> trial   3/9  step 17   loss 0.1250 TIME  5.22     adam
3 of 9 trials · 1 complete · 1 pruned · 1 failed · best loss 0.2500 (trial 0)
 TIME · TIME
`, `
bluefin: found the metric (metric loss, source text)
                                                x        opt
* trial   0/9  complete  loss 0.2500 TIME  8.04     sgd
  trial   1/9  pruned    loss 7.0000    step 1  8.83     sgd
  trial   2/9  fail      loss - TIME  2.02     adam
    (sh ended with exit status 3; its last line: FileNotFoundError: there is no
    file /data/images/train/labels.csv, nor one with .gz at its end)
Stopping the running trials. Ctrl-C again kills them.
Best of 3 trials: trial 0, loss 0.25
  x   8.04
  opt sgd

Study "s" is saved in s.db. Its best parameters as JSON:
  bluefin export --storage s.db --study-name s
Interrupted with 3 of 9 trials. The same command resumes it.
`}, 200: {`
bluefin: found the metric (metric loss, source text)
                                                x        opt
* trial   0/9  complete  loss 0.2500 TIME  8.04     sgd
  trial   1/9  pruned    loss 7.0000    step 1  8.83     sgd
  trial   2/9  fail      loss - TIME  (sh ended with exit status 3; its last line: FileNotFoundError: there is no file /data/images/train/labels.csv, nor one with .gz at its end)
> trial   3/9  step 17   loss 0.1250 TIME  5.22     adam
3 of 9 trials · 1 complete · 1 pruned · 1 failed · best loss 0.2500 (trial 0) · TIME · TIME
`, `
bluefin: found the metric (metric loss, source text)
                                                x        opt
* trial   0/9  complete  loss 0.2500 TIME  8.04     sgd
  trial   1/9  pruned    loss 7.0000    step 1  8.83     sgd
  trial   2/9  fail      loss - TIME  (sh ended with exit status 3; its last line: FileNotFoundError: there is no file /data/images/train/labels.csv, nor one with .gz at its end)
Stopping the running trials. Ctrl-C again kills them.
Best of 3 trials: trial 0, loss 0.25
  x   8.04
  opt sgd

Study "s" is saved in s.db. Its best parameters as JSON:
  bluefin export --storage s.db --study-name s
Interrupted with 3 of 9 trials. The same command resumes it.
`}} {
		dir := t.TempDir()
		tt := startTerminal(t, columns, 24, nil, dir, "bluefin", "tune", "--storage", "s.db", "--study-name", "s", "--trials", "9",
			"--metric", "loss", "--pruner", "threshold:1", "--sampler", "random", "--seed", "1", "x=1.0..9.0", "opt=sgd,adam", "--",
			"sh", "-c", stagesScript)
		if got := withoutTimes(tt.waitFor("3 of 9", "step 17", "left")); got != want[0][1:] {
			t.Errorf("%d columns, running: got\n%swant\n%s", columns, got, want[0])
		}
		tt.tty.WriteString("\x03") // Ctrl-C
		code, got := tt.end()
		if got := withoutTimes(got); code != exitInterrupted || got != want[1][1:] {
			t.Errorf("%d columns, interrupted: exit code %d and\n%swant %d and\n%s", columns, code, got, exitInterrupted, want[1])
		}
	}
}

// Ctrl-Z leaves the shell a clean terminal, and fg brings the board back.
func TestTerminalSuspended(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("bash is not installed")
	}
	tt := startTerminal(t, 80, 24, []string{"PS1=$ "}, t.TempDir(), "bash", "--norc", "--noprofile", "--noediting", "-i")
	tt.waitFor("$")
	tt.tty.WriteString("bluefin tune --trials 9 --metric loss x=1..9 -- sh -c 'echo loss={x}; [ {trial_number} = 0 ] || sleep 60'\n")
	tt.waitFor("1 of 9 trials", "> trial   1/9  step 0")
	tt.tty.WriteString("\x1a") // Ctrl-Z
	if got := tt.waitFor("Stopped"); strings.Contains(got, "of 9 trials") {
		t.Errorf("the board is still there:\n%s", got)
	}
	tt.tty.WriteString("echo he''re; fg\n")
	tt.waitFor("\nhere\n", "1 of 9 trials", "> trial   1/9  step 0")
	tt.tty.WriteString("\x03")
	if got := tt.waitFor("The same command resumes it."); strings.Contains(got, "1 of 9 trials ·") {
		t.Errorf("the board is still there:\n%s", got)
	}
	tt.tty.WriteString("exit\n")
	tt.end()
}

// Where nobody looks, or the terminal cannot redraw lines, there are lines.
func TestTerminalWithoutBoard(t *testing.T) {
	for _, env := range []string{"TERM=dumb", "CI=true"} {
		tt := startTerminal(t, 80, 24, []string{env}, t.TempDir(), "bluefin", "tune", "--trials", "2", "--metric", "loss", "--sampler",
			"random", "x=1..9", "--", "sh", "-c", "sleep 0.3; echo loss=3")
		tt.raw = true
		code, got := tt.end()
		if code != 0 || strings.Contains(got, "\x1b") || strings.Contains(got, "of 2 trials ·") || strings.Count(got, "complete") != 2 {
			t.Errorf("%s: exit code %d and\n%q", env, code, got)
		}
	}
}
