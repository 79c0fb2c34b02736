package main

import "io"

// A dataWriter is standard output. It keeps its first error, with which the
// command then ends, so that nobody takes part of the data for all of it.
type dataWriter struct {
	w   io.Writer
	err error
}

func (d *dataWriter) Write(text []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.w.Write(text)
	d.err = err
	return n, err
}
