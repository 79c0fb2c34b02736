//go:build !unix

package main

import "time"

var began = time.Now()

// processorTime stands in where there is none: the time since the start.
func processorTime() float64 { return time.Since(began).Seconds() }
