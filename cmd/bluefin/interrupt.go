package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
)

// hurry explains what a second Ctrl-C does, and does it: it kills the programs that are being stopped, and
// their trials return to the queue. A third one ends this process, as main arranges. Call stop when
// nothing runs any more.
func hurry(con console, objective *command.Command) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		var first time.Time
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			switch {
			case first.IsZero():
				first = time.Now()
				con.logf("Stopping the running trials. Ctrl-C again kills them.")
			case time.Since(first) > time.Second: // schedulers and timeout(1) send the first one twice
				objective.Hurry()
				signal.Stop(signals)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
