// Package report turns the history of a study into a page that a colleague can read: what was searched,
// what was found and how sure that is, what mattered, what failed, and how to run the best trial again.
//
// New computes a Report, which is plain data: sentences, tables and the data of pictures. HTML and
// Markdown write it. Text from the study, such as names and reasons, is kept apart from our own (see
// Span), so that each format can escape it.
package report

import (
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/study/plot/picture"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Source is a study, as far as a report needs it.
type Source struct {
	Study   string
	File    string // where the study is saved
	History trial.History
	Waiting int      // how many trials are queued
	Paused  int      // how many trials a scheduler may resume
	Names   []string // of the objectives
	Step    string   // what reports count, such as "epoch"

	Program  string // what ran the trials, such as "bluefin finetune"; "": unknown
	Sampler  string // "": unknown
	Pruner   string // "": unknown
	First    string // what the settings of trial 0 are, if it was queued, such as "the recommended settings"
	OneSeed  bool   // every trial was started with the same seed, so repeats do not differ by luck
	Training bool   // trials keep the losses and scores of a training, as bluefin finetune does

	Again   func(*trial.Trial) []Command // how to run a trial again; nil: unknown
	Version string                       // of this program
	Now     time.Time
}

// A Report is a page: a summary, and sections.
type Report struct {
	Title    Text
	Made     string // when, and by which version
	Summary  []Text
	Sections []Section
}

// A Section is a part of a report: sentences, then tables, pictures and commands.
type Section struct {
	Title    string
	Text     []Text // a paragraph each
	Tables   []Table
	Figures  []Figure
	Commands []Command
	Notes    []Text // paragraphs in small print, below the rest
}

// A Table has a heading for each column. Columns after the first Left are numbers, aligned right.
type Table struct {
	Caption Text
	Left    int
	Head    []Text
	Rows    [][]Text
}

// A Figure is a picture.
type Figure struct {
	Caption Text
	Picture picture.Figure
	Rows    int // of its text form; 0: as is usual
}

// A Command is something to copy.
type Command struct {
	Title    string
	Language string // such as "sh"
	Text     string
}

// New returns the report of a study.
func New(s Source) (Report, error) {
	if !s.queuedFirst() {
		s.First = ""
	}
	found := find(s)
	r := Report{
		Title: say("Study %s", name(s.Study)),
		Made:  s.Now.UTC().Format("2 January 2006, 15:04 UTC") + ", Bluefin " + s.Version,
	}
	mattered, err := s.mattered()
	if err != nil {
		return r, err
	}
	r.Summary = append(s.summary(found), mattered.headline()...)
	for _, section := range []func() (Section, error){
		func() (Section, error) { return s.searched(), nil },
		func() (Section, error) { return s.found(found, mattered) },
		func() (Section, error) { return s.importances(mattered) },
		func() (Section, error) { return s.curves(found) },
		func() (Section, error) { return s.pruned(), nil },
		func() (Section, error) { return s.failures(), nil },
		func() (Section, error) { return s.again(found), nil },
		func() (Section, error) { return s.top(found, mattered), nil },
	} {
		part, err := section()
		if err != nil {
			return r, err
		}
		if part.Title != "" {
			r.Sections = append(r.Sections, part)
		}
	}
	return r, nil
}

// queuedFirst reports whether trial 0 has settings from the queue.
func (s Source) queuedFirst() bool {
	return slices.ContainsFunc(slices.Concat(s.History.Finished(), s.History.Running()), func(t *trial.Trial) bool {
		return t.Number == 0 && t.SystemAttrs[sysattr.FixedParams] != nil
	})
}

// config is how plots show an objective.
func (s Source) config(objective int) plot.Config {
	return plot.Config{Objective: objective, Names: s.Names}
}

// again tells how to run the best trial again.
func (s Source) again(f Found) Section {
	if s.Again == nil || f.Chosen == nil {
		return Section{}
	}
	commands := s.Again(f.Chosen)
	if len(commands) == 0 {
		return Section{}
	}
	which := "the best trial"
	if len(f.Front) > 1 {
		which = "the first trial of the front"
	}
	return Section{Title: "How to run it again", Commands: commands,
		Text: []Text{say("This runs trial %d, %s.", f.Chosen.Number, which)}}
}
