package command

import (
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	proc "github.com/bluefin-hpo/bluefin/internal/process"
)

// runName is the variable that marks the processes of a trial. It is in their environment, and its
// value begins with the name of this process, their owner.
const runName = "BLUEFIN_RUN="

// newToken returns the variable for one run of a program.
func newToken() string { return runName + proc.Self() + " " + rand.Text() }

// A process is a running program with all that it has started. It leads a process
// group of its own (on Windows a job).
type process struct {
	group group
	ended chan struct{} // closed when the program itself has ended
	err   error         // of Wait, once ended

	output  *os.File      // the end of the pipe that is read
	drained chan struct{} // closed when all that was printed is copied
}

// stuck is how long a killed process may take to end. One that waits for a broken disk or
// device never does.
const stuck = 10 * time.Second

// start runs cmd, whose environment has the token, and copies what it prints to
// out, which one goroutine writes to until drained is closed.
func start(cmd *exec.Cmd, out io.Writer, token string) (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = write, write
	p := &process{
		group: group{token: token}, ended: make(chan struct{}), output: read, drained: make(chan struct{}),
	}
	started := make(chan error, 1)
	go func() {
		// Linux kills the program when the thread that started it ends, which is
		// wanted if bluefin is killed and not before: keep the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.group.prepare(cmd)
		err := cmd.Start()
		if err == nil {
			if err = p.group.began(cmd); err != nil { // it runs, but nothing could end what it starts
				p.group.kill()
				_, _ = cmd.Process.Kill(), cmd.Wait()
			}
		}
		write.Close()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		read.Close()
		return nil, err
	}
	go func() {
		defer close(p.drained)
		defer read.Close()
		_, _ = io.Copy(out, read) // ends when the last process of the group closes its end
	}()
	return p, nil
}

// end ends all processes of a group: politely, and by force after grace or when hurry is
// closed. It reports whether force was needed, and whether a process survives even that.
func (g *group) end(grace time.Duration, hurry <-chan struct{}) (forced, left bool) {
	deadline := time.Now().Add(grace)
	for pause := time.Millisecond; g.alive(); pause = min(2*pause, 100*time.Millisecond) {
		now := time.Now()
		switch late := !now.Before(deadline); {
		case late && now.After(deadline.Add(stuck)):
			return true, true
		case late:
			forced = true
			g.kill()
		case pause == time.Millisecond:
			g.terminate()
		}
		select {
		case <-hurry:
			deadline, hurry = time.Now(), nil
		case <-time.After(pause):
		}
	}
	return forced, false
}
