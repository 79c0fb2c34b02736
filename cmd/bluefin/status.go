package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// statusCommand shows the progress of a study that other processes may be running.
type statusCommand struct {
	study  studyFlags
	watch  bool
	format string
}

func (s *statusCommand) define() *cli.Command {
	format := choiceFlag(&s.format, "format",
		"`FORMAT` of the output: text, or json and strict-json, a line for each state", "text", "json", "strict-json")
	format.Aliases = []string{"f"}
	return &cli.Command{
		Name:  "status",
		Usage: "show how far a study is, while other processes run it",
		Flags: append(s.study.flags(), &cli.BoolFlag{Name: "watch", Destination: &s.watch,
			Usage: "follow the study until it has all of its trials, or Ctrl-C"}, format),
		Action: action(s.run),
	}
}

// A studyState is the state of a study at one moment.
type studyState struct {
	name       string
	directions []trial.Direction
	history    trial.History
	waiting    int // in the queue
	paused     int
	workers    map[int]storage.Worker
	outline    outline.Outline
	stamp      string // of the file, no later than the rest
}

// run only reads.
func (s *statusCommand) run(ctx context.Context, con console) error {
	if !con.out.terminal || s.format != "text" {
		con.screen = nil
	}
	began := time.Now()
	now, err := s.read(ctx, con)
	if err != nil {
		return err
	}
	if !s.watch || s.format == "text" && con.screen == nil { // a live board shows it otherwise
		if err := s.print(con, now, true); err != nil || !s.watch {
			return err
		}
	}
	if now.ended() && s.format == "text" && con.screen == nil {
		return nil // it was printed
	}
	show := s.watching(con, now)
	defer show.end()
	for !now.ended() {
		// A long study takes longer to read; that should not cost more than a tenth of a core.
		if err := s.wait(ctx, max(time.Second, 10*time.Since(began)), now); err != nil {
			show.end()
			return errors.Join(err, s.print(con, now, s.format == "text"))
		}
		began = time.Now()
		later, err := s.read(ctx, con)
		switch {
		case ctx.Err() != nil: // the next wait returns
			continue
		case err != nil:
			return err
		}
		now = later
		show.next(now)
	}
	show.end()
	return s.print(con, now, s.format == "text")
}

// wait returns when the file has changed, or a process may have ended, which changes no file.
func (s *statusCommand) wait(ctx context.Context, pause time.Duration, now studyState) error {
	for {
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-time.After(pause):
		}
		if s.stamp() != now.stamp || len(now.workers) > 0 {
			return nil
		}
	}
}

// read reads the study. Each time the file is opened again, because it may have been replaced, and
// because Optuna does not say what it has changed.
func (s *statusCommand) read(ctx context.Context, con console) (now studyState, err error) {
	now.stamp = s.stamp() // before, so what is written meanwhile is read the next time
	err = s.study.opened(ctx, con, access{readOnly: true}, study.Config{}, func(cfg study.Config) error {
		db := cfg.Storage.(storage.Viewer)
		st, err := study.Load(ctx, cfg)
		if err != nil {
			return suggestStudy(ctx, db, cfg.Name, err)
		}
		trials, err := st.Trials(ctx)
		if err != nil {
			return err
		}
		for _, t := range trials {
			switch {
			case t.Paused():
				now.paused++
			case t.State == trial.Waiting:
				now.waiting++
			}
		}
		if now.history, err = st.History(ctx); err != nil {
			return err
		}
		record, err := db.Load(ctx, st.Name())
		if err != nil {
			return err
		}
		now.name, now.directions = st.Name(), st.Directions()
		now.outline = outline.Of(record)
		now.workers, err = db.Workers(ctx, record.ID)
		return err
	})
	return now, err
}

// stamp changes when the file does, and always for other storages.
func (s *statusCommand) stamp() (stamp string) {
	p, _ := s.study.storage.place() // read reports the error
	if !p.isFile() {
		return time.Now().String() // no server has a stamp
	}
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(p.path + suffix); err == nil {
			stamp += fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
		}
	}
	return stamp
}

// ended reports whether the study has all of its trials.
func (now studyState) ended() bool {
	return now.outline.Trials > 0 && len(now.history.Finished()) >= now.outline.Trials && len(now.history.Running()) == 0
}

// board returns the board of a study that others run.
func (now studyState) board() board {
	b := board{Outline: now.outline, waiting: now.waiting, paused: now.paused, workers: map[int]string{}, idle: true}
	for _, t := range now.history.Running() {
		w, ok := now.workers[t.Number]
		b.workers[t.Number] = workerText(w, ok)
		b.idle = b.idle && (!ok || w.Gone || w.Left < 0)
	}
	return b
}

// workerText says who runs a trial.
func workerText(w storage.Worker, ok bool) string {
	if !ok {
		return "no lease" // as under Optuna
	}
	who := "asked for"
	if w.Host != "" {
		who = fmt.Sprintf("process %d", w.PID)
		if host, _ := os.Hostname(); host != w.Host {
			who += " on " + message.Visible(w.Host)
		}
	}
	switch {
	case w.Gone:
		return who + " is gone"
	case w.Left < 0:
		return who + ", lease expired " + clock(-w.Left) + " ago"
	}
	return who + ", lease for " + clock(w.Left)
}

// print writes the state to standard output, if wanted.
func (s *statusCommand) print(con console, now studyState, wanted bool) error {
	switch {
	case !wanted:
		return nil
	case s.format != "text":
		return formatRecords(con.out, s.format, []record{now.record()}, true)
	}
	b := now.board()
	const all = 1 << 20 // lines
	head := fmt.Sprintf("Study %q: %s %s", now.name, joined(now.directions), strings.Join(now.outline.Metrics, ", "))
	_, err := fmt.Fprintln(con.out, strings.Join(append([]string{message.Visible(head)},
		b.block(now.history, time.Now(), widthOf(con.out), all)...), "\n"))
	return err
}

// record is the state for programs.
func (now studyState) record() record {
	count := map[trial.State]int{}
	for _, t := range now.history.Finished() {
		count[t.State]++
	}
	var total, left any
	b := now.board()
	if b.Trials > 0 {
		total = b.Trials
	}
	if d, ok := b.left(now.history, time.Now()); ok && !b.idle {
		left = d.Seconds()
	}
	best, running := []any{}, []any{}
	for _, t := range now.history.ParetoFront() {
		values := []any{}
		for _, v := range t.Values {
			values = append(values, v)
		}
		best = append(best, record{{Name: "number", Value: t.Number}, {Name: "values", Value: values}})
	}
	for _, t := range now.history.Running() {
		r := record{{Name: "number", Value: t.Number}, {Name: "datetime_start", Value: showTime(t.Start)}}
		if last, ok := t.LastReport(); ok {
			r = append(r, pyjson.Member{Name: "step", Value: last.Step}, pyjson.Member{Name: "value", Value: last.Value})
		}
		if w, ok := now.workers[t.Number]; ok {
			r = append(r, pyjson.Member{Name: "host", Value: w.Host}, pyjson.Member{Name: "pid", Value: w.PID},
				pyjson.Member{Name: "gone", Value: w.Gone}, pyjson.Member{Name: "lease_seconds", Value: w.Left.Seconds()})
		}
		running = append(running, r)
	}
	metrics := []any{}
	for _, m := range now.outline.Metrics {
		metrics = append(metrics, m)
	}
	return record{
		{Name: "study", Value: now.name}, {Name: "metrics", Value: metrics}, {Name: "trials", Value: total},
		{Name: "finished", Value: len(now.history.Finished())}, {Name: "complete", Value: count[trial.Complete]},
		{Name: "pruned", Value: count[trial.Pruned]}, {Name: "failed", Value: count[trial.Failed]},
		{Name: "waiting", Value: now.waiting}, {Name: "paused", Value: now.paused}, {Name: "best", Value: best},
		{Name: "running", Value: running},
		{Name: "seconds_left", Value: left},
	}
}
