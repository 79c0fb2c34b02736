package command

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// A process is a running program with all that it has started. It leads a process
// group of its own (on Windows a job).
type process struct {
	group group
	ended chan struct{} // closed when the program itself has ended
	err   error         // of Wait, once ended
}

// start runs cmd, whose environment has the token, and copies what it prints to
// out, which one goroutine writes to until drained is closed.
func start(cmd *exec.Cmd, out io.Writer, token string) (p *process, drained <-chan struct{}, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = write, write
	p = &process{group: group{token: token}, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Linux kills the program when the thread that started it ends, which is
		// wanted if bluefin is killed and not before: keep the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.group.prepare(cmd)
		err := cmd.Start()
		if err == nil {
			err = p.group.began(cmd)
		}
		write.Close()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.ended)
	}()
	done := make(chan struct{})
	if err := <-started; err != nil {
		read.Close()
		return nil, nil, err
	}
	go func() {
		defer close(done)
		defer read.Close()
		io.Copy(out, read) // ends when the last process of the group closes its end
	}()
	return p, done, nil
}

// end ends all processes of a group: politely, and after grace by force. It
// returns when none is left, and reports whether force was needed.
func (g *group) end(grace time.Duration) (forced bool) {
	deadline := time.Now().Add(grace)
	for pause := time.Millisecond; g.alive(); pause = min(2*pause, 100*time.Millisecond) {
		switch late := !time.Now().Before(deadline); {
		case late:
			forced = true
			g.kill()
		case pause == time.Millisecond:
			g.terminate()
		}
		time.Sleep(pause)
	}
	return forced
}
