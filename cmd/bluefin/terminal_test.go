//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
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
	seen []string // screens as they changed
	done chan struct{}
}

// startTerminal starts the command in a terminal of the given size.
func startTerminal(t testing.TB, columns, lines int, env []string, name string, args ...string) *terminal {
	t.Helper()
	tt := &terminal{TB: t, cmd: exec.Command(name, args...), vt: vt10x.New(vt10x.WithSize(columns, lines)), done: make(chan struct{})}
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
			io.WriteString(tt.vt, string(buffer[:n]))
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
	return t.cmd.ProcessState.ExitCode(), t.text()
}
