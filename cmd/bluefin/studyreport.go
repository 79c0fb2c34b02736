package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/cmd/internal/report"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// studyReport writes the report of a study: `bluefin report --output`.
type studyReport struct {
	output outputFlags
	format string // "": by the name of the file
}

func (r *studyReport) flags() []cli.Flag {
	format := choiceFlag(&r.format, "format", "`FORMAT` of the report: html, one page that needs no other file, or md, "+
		"Markdown", "html", "md")
	r.format, format.DefaultText = "", "by the end of the name, md for standard output"
	format.Aliases = []string{"f"}
	flags := r.output.flags()
	flags[0].(*cli.StringFlag).Usage = "the `FILE` to write, like report.html or report.md; - is standard output"
	return append(flags, format)
}

// run only reads the study, so a search may go on meanwhile.
func (r *studyReport) run(ctx context.Context, con console, f studyFlags) error {
	format, err := r.chosen()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := f.opened(ctx, con, access{readOnly: true}, study.Config{}, func(cfg study.Config) error {
		record, err := cfg.Storage.Load(ctx, cfg.Name)
		if err != nil {
			return suggestStudy(ctx, cfg.Storage, cfg.Name, fmt.Errorf("load %w", err))
		}
		source, err := reportSource(ctx, cfg, record, f.storage)
		if err != nil {
			return err
		}
		page, err := report.New(source)
		if err != nil {
			return err
		}
		if format == "html" {
			return report.HTML(&text, page)
		}
		return report.Markdown(&text, page)
	}); err != nil {
		return err
	}
	file, err := r.output.write(con, f.storage, text.Bytes())
	if file && err == nil {
		con.logf("Wrote %s.", r.output.path)
	}
	return err
}

// chosen returns the format: that of the flag, or else of the file.
func (r *studyReport) chosen() (string, error) {
	switch ext := strings.ToLower(filepath.Ext(r.output.path)); {
	case r.format != "":
		return r.format, nil
	case !r.output.toFile(), ext == ".md", ext == ".markdown":
		return "md", nil
	case ext == ".html", ext == ".htm":
		return "html", nil
	}
	return "", usagef("--output is %s, want a name that ends in .html or .md, or --format", r.output.path)
}

// reportSource reads what a report needs of a study in a file.
func reportSource(ctx context.Context, cfg study.Config, record storage.Study, file storageFlag) (
	source report.Source, err error) {
	s, err := study.Load(ctx, cfg)
	if err != nil {
		return source, err
	}
	trials, err := s.Trials(ctx)
	if err != nil {
		return source, err
	}
	h, err := s.History(ctx)
	if err != nil {
		return source, err
	}
	search := outline.Of(record)
	from, err := file.place()
	if err != nil {
		return source, err
	}
	source = report.Source{
		Study: s.Name(), File: from.String(), History: h, Names: search.Metrics, Step: search.Step,
		Sampler: search.Sampler, Pruner: search.Pruner, First: "the settings that were queued first",
		Version: version(release), Now: time.Now(),
	}
	for _, t := range trials {
		switch {
		case t.Paused():
			source.Paused++
		case t.State == trial.Waiting:
			source.Waiting++
		}
	}
	if source.Pruner == "" {
		// An older study, or one of ask and tell.
		if text := record.UserAttrs[choose.PrunerKey]; text != nil && json.Unmarshal(text, &source.Pruner) != nil {
			source.Pruner = ""
		}
	}
	made := origin{storage: from, study: s.Name(), trials: len(h.Finished())}
	var finetuned identity
	switch {
	case record.UserAttrs[identityKey] != nil && json.Unmarshal(record.UserAttrs[identityKey], &finetuned) == nil:
		source.Program, source.First = "bluefin finetune", "the recommended settings"
		source.Training, source.OneSeed = true, true
		source.Sampler, source.Pruner = finetuned.Sampler, finetuned.Pruner
		made.finetuned = &finetuned
	case record.UserAttrs[tuneKey] != nil:
		source.Program = "bluefin tune"
	}
	source.Again = made.again
	return source, nil
}
