package main

import (
	"io"
	"os"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
)

// A dataWriter is standard output. It keeps its first error, with which the
// command then ends, so that nobody takes part of the data for all of it. What
// a terminal would obey is written to one as escapes; programs get it as it is.
type dataWriter struct {
	w        io.Writer
	terminal bool
	err      error
}

func (d *dataWriter) Write(text []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.terminal {
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

// width is how many columns the terminal has, 0 if this is none.
func (d *dataWriter) width() int {
	if !d.terminal {
		return 0
	}
	return columnsOf(d.w)
}

// isTerminal reports whether w is a terminal, or another character device, for
// which it makes no difference.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
