package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A screen is standard error on a terminal. What is written to it scrolls by above a block of lines,
// which stays at the bottom and is redrawn in place. It is safe for concurrent use.
type screen struct {
	io.Writer                            // the terminal
	size      func() (width, height int) // 0, 0: nothing may be drawn

	mu      sync.Mutex
	block   []string // its lines
	drawn   []string // those on the terminal
	partial []byte   // the beginning of a line above the block
	changed bool     // the block is not up to date
	render  func(width, height int) []string
	stop    func() // ends the redraws; nil: there is no block
}

// How often the block is redrawn: at most, if something has changed, and at least, for its clock.
const (
	redrawLeast = 100 * time.Millisecond
	redrawMost  = time.Second
)

// newScreen returns the screen of w, or nil if w is no terminal that can redraw lines, or nobody is
// looking at it.
func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	if ci := os.Getenv("CI"); !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" ||
		ci != "" && ci != "0" && ci != "false" || !obeysEscapes(f) {
		return nil
	}
	return &screen{Writer: w, size: func() (width, height int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || !inForeground(f) { // as after `bg`: the terminal is that of another program
			return 0, 0
		}
		if width == 0 || height == 0 { // as in containers
			return 80, 24
		}
		return width, height
	}}
}

// Write writes whole lines above the block.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = append(s.partial, p...)
	n := bytes.LastIndexByte(s.partial, '\n') + 1
	if n == 0 {
		return len(p), nil
	}
	err := s.draw(s.partial[:n])
	s.partial = append(s.partial[:0], s.partial[n:]...)
	return len(p), err
}

// show draws the lines of render as the block, and redraws them until hide is called. They should be at
// most as wide and high as told.
func (s *screen) show(render func(width, height int) []string) {
	s.hide()
	signals, done, stopped := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	notifySuspend(signals)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.render, s.changed, s.stop = render, true, func() {
		signal.Stop(signals)
		close(done)
		<-stopped
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(redrawLeast)
		defer tick.Stop()
		var at time.Time
		for {
			select {
			case <-done:
				return
			case <-signals: // Ctrl-Z: the shell gets a clean terminal
				s.set(nil, nil)
				suspend()
				at = time.Time{}
			case now := <-tick.C:
				if s.isChanged() || now.Sub(at) >= redrawMost {
					at = now
					s.refresh(nil)
				}
			}
		}
	}()
}

// change tells that the block is not up to date.
func (s *screen) change() {
	s.mu.Lock()
	s.changed = true
	s.mu.Unlock()
}

func (s *screen) isChanged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.changed = false }()
	return s.changed
}

// hide removes the block.
func (s *screen) hide() {
	s.mu.Lock()
	stop := s.stop
	s.render, s.stop = nil, nil
	s.mu.Unlock()
	if stop != nil {
		stop()
		s.set(nil, nil)
	}
}

// refresh writes lines above the block, and brings it up to date.
func (s *screen) refresh(above []byte) {
	s.mu.Lock()
	render := s.render
	s.mu.Unlock()
	var block []string
	if render != nil {
		// One column stays free: a cursor behind the last one may be on the next line. So does one
		// line, which has the cursor and whatever is typed.
		width, height := s.size()
		block = render(width-1, height-1)
	}
	s.set(above, block)
}

// set writes lines above the block, and replaces it.
func (s *screen) set(above []byte, block []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block = block
	_ = s.draw(above) // the terminal may be gone
}

// draw writes lines above the block, and the block, at once, so nothing flickers. The caller holds s.mu.
func (s *screen) draw(above []byte) error {
	width, height := s.size()
	var lines []string
	for _, line := range s.block[:max(0, min(len(s.block), height-1))] {
		lines = append(lines, text.Snip(line, width-1, "…"))
	}
	if len(above) == 0 && slices.Equal(lines, s.drawn) {
		return nil
	}
	var b bytes.Buffer
	if rows := s.rows(width); rows > 0 {
		fmt.Fprintf(&b, "\r\x1b[%dA", rows)
		if len(above) > 0 || len(lines) == 0 {
			b.WriteString("\x1b[J") // erases to the end of the terminal
		}
	}
	b.Write(above)
	if len(lines) > 0 {
		// Without line wrap: the terminal may find a line wider than we do.
		b.WriteString("\x1b[?7l" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\r\n\x1b[J\x1b[?7h")
	}
	s.drawn = lines
	_, err := s.Writer.Write(b.Bytes())
	return err
}

// rows returns the number of rows that the block takes. Most terminals break lines that are longer than
// a width to which they were made narrower.
func (s *screen) rows(width int) (rows int) {
	if width == 0 { // no longer our terminal
		return 0
	}
	for _, line := range s.drawn {
		rows += 1 + max(text.StringWidthWithoutEscSequences(line)-1, 0)/width
	}
	return rows
}
