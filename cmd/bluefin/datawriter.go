package main

import (
	"io"
	"os"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

// A dataWriter is standard output. The command ends with its first error, so partial data do not
// pass for complete. A terminal gets control characters as escapes, because names
// and labels come from files of others; programs get the bytes.
type dataWriter struct {
	w        io.Writer
	terminal bool
	err      error
}

// Write implements io.Writer.
func (d *dataWriter) Write(text []byte) (int, error) {
	// Writes after an error would leave a hole in the data.
	if d.err != nil {
		return 0, d.err
	}
	if d.terminal {
		// Line ends are ours; everything else may be somebody's text.
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			lines[i] = message.Visible(line)
		}
		_, d.err = io.WriteString(d.w, strings.Join(lines, "\n"))
	} else {
		_, d.err = d.w.Write(text)
	}
	if d.err != nil {
		return 0, d.err
	}
	return len(text), nil
}

// writeEscapes is Write for text that has escape sequences of ours, and nothing unseen of others.
func (d *dataWriter) writeEscapes(text []byte) error {
	if d.err == nil {
		_, d.err = d.w.Write(text)
	}
	return d.err
}

// colored reports whether escape sequences for colors have an effect, and the user wants them.
func (d *dataWriter) colored() bool {
	f, ok := d.w.(*os.File)
	return ok && d.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && obeysEscapes(f)
}

// width returns the columns of the terminal, 0 if it is none.
func (d *dataWriter) width() int {
	if !d.terminal {
		return 0
	}
	return columnsOf(d.w)
}

// isTerminal reports whether w is a terminal, or another character device, where it does not matter.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
