package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"golang.org/x/term"
)

// pipedWidth is the width of lines that go to no terminal.
const pipedWidth = 120

// widthOf returns the columns of the terminal that w is, or pipedWidth.
func widthOf(w io.Writer) int {
	// The writer around standard output is no file itself.
	if d, ok := w.(*dataWriter); ok {
		w = d.w
	}
	return cmp.Or(columnsOf(w), pipedWidth)
}

// columnsOf returns the columns of the terminal that w is, 0 if it is none.
func columnsOf(w io.Writer) int {
	columns, _ := sizeOf(w)
	return columns
}

// sizeOf returns the columns and rows of the terminal that w is, 0 if it is none.
func sizeOf(w io.Writer) (columns, rows int) {
	if s, ok := w.(*screen); ok {
		w = s.Writer
	}
	if f, ok := w.(*os.File); ok {
		if columns, rows, err := term.GetSize(int(f.Fd())); err == nil {
			return max(columns, 0), max(rows, 0)
		}
	}
	// Anything else, such as a buffer of a test.
	return 0, 0
}

// shortTime shows a time with two digits, or in seconds above ten: 7 ms, 1.3 s, 45 s, 7m57s, 3h05m.
// Each limit is where rounding reaches the next form, so 999 ms is 1.0 s.
func shortTime(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + shortTime(-d)
	case d == 0:
		return "0 s"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2g ms", float64(d)/1e6)
	case d < 995*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 59500*time.Millisecond:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour-time.Second/2:
		s := int(d.Round(time.Second).Seconds())
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	m := int(d.Round(time.Minute).Minutes())
	return fmt.Sprintf("%dh%02dm", m/60, m%60)
}

// shortSize shows a number of bytes with two digits: 1.1 GB.
func shortSize(bytes int64) string { return humanize.Bytes(uint64(max(bytes, 0))) }

// shortValue shows a value of a parameter with three digits.
func shortValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case float64:
		// Enough to tell settings apart in a line of progress.
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprint(v)
}

// megabytes shows a number of bytes where small differences matter.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// counted shows a number of things: 1 trial, 2 trials.
func counted(n int, thing string) string { return english.Plural(n, thing, "") }
