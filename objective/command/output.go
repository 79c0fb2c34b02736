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
	tailLines   = 20       // that an error shows
	tailBytes   = 256 << 10
	tailLine    = 4 << 10 // bytes of a line in the tail, and of one that shows other metrics
)

// An output splits what a program prints into lines, keeps a copy and remembers
// the last lines. It is an io.Writer for one goroutine.
type output struct {
	log  io.Writer // nil: no copy is kept
	line func(string)

	partial []byte
	kept    int
	logErr  error

	mu    sync.Mutex // guards the following
	tail  []string   // the last lines; those before first are dropped
	first int
	bytes int       // in the tail
	last  time.Time // of the last byte
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
	o.remember(line)
	o.line(line)
}

// remember adds a line to the tail.
func (o *output) remember(line string) {
	if len(line) > tailLine {
		line = strings.Clone(line[:tailLine])
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, line)
	for o.bytes += len(line); o.bytes > tailBytes; o.first++ {
		o.bytes -= len(o.tail[o.first])
	}
	if o.first > len(o.tail)/2 {
		o.tail, o.first = slices.Delete(o.tail, 0, o.first), 0
	}
}

// lines returns the last lines.
func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tail[o.first:])
}

// shorten returns a line that fits in a message.
func shorten(line string) string {
	const most = 500
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "…"
}

func (o *output) lastAt() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}
