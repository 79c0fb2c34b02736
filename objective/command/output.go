package command

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	longestLine = 1 << 20  // bytes; what follows in a line is not read
	keptOutput  = 64 << 20 // bytes of output that are kept in a file
	tailLines   = 20
)

// An output splits what a program prints into lines, keeps a copy and remembers
// the last lines. It is an io.Writer for one goroutine.
type output struct {
	log  io.Writer // nil: no copy is kept
	line func(string)

	partial []byte
	kept    int
	logErr  error

	mu   sync.Mutex // guards the following
	tail []string
	last time.Time // of the last byte
}

// Write implements io.Writer. It never fails: a full disk must not end a training.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	o.last = time.Now()
	o.mu.Unlock()
	o.keep(p)
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			o.append(rest)
			return len(p), nil
		}
		o.append(rest[:i])
		o.flush()
		rest = rest[i+1:]
	}
}

func (o *output) keep(p []byte) {
	if o.log == nil || o.logErr != nil || o.kept >= keptOutput {
		return
	}
	p = p[:min(len(p), keptOutput-o.kept)]
	n, err := o.log.Write(p)
	o.kept += n
	if o.logErr = err; o.kept >= keptOutput {
		_, _ = io.WriteString(o.log, "\n(bluefin keeps no more of the output)\n")
	}
}

func (o *output) append(p []byte) {
	if i := bytes.LastIndexByte(p[:max(0, len(p)-1)], '\r'); i >= 0 { // a progress bar starts over
		o.partial, p = o.partial[:0], p[i+1:]
	}
	o.partial = append(o.partial, p[:min(len(p), longestLine-len(o.partial))]...)
}

// flush ends a line.
func (o *output) flush() {
	text := bytes.TrimRight(o.partial, "\r")
	text = text[bytes.LastIndexByte(text, '\r')+1:] // what a progress bar showed last
	line := strings.ToValidUTF8(string(text), "�")
	o.partial = o.partial[:0]
	if strings.TrimSpace(line) == "" {
		return
	}
	o.mu.Lock()
	o.tail = append(o.tail, strings.ToValidUTF8(line[:min(len(line), 500)], "…"))
	if len(o.tail) > tailLines {
		o.tail = slices.Delete(o.tail, 0, 1)
	}
	o.mu.Unlock()
	o.line(line)
}

// end returns the last line for the first line of an error, and the lines up to
// it for those who read on.
func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.tail) == 0 {
		return "; it printed nothing"
	}
	last := "; its last line: " + o.tail[len(o.tail)-1]
	if len(o.tail) == 1 {
		return last
	}
	return last + "\n\n" + strings.Join(o.tail, "\n")
}

func (o *output) lastAt() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}
