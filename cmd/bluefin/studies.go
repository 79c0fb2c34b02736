package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
)

// studiesCommand prints a record for each study: studies, and study-names with namesOnly.
type studiesCommand struct {
	format    formatFlags
	storage   storageFlag
	namesOnly bool
}

// define serves both commands; names alone are printed one a line.
func (s *studiesCommand) define() *cli.Command {
	name, usage, format := "studies", "print all studies", "table"
	// One struct for both, since only the columns differ.
	if s.namesOnly {
		name, usage, format = "study-names", "print the names of all studies", "value"
	}
	return &cli.Command{
		Name:  name,
		Usage: usage,
		Flags: append(s.format.flags(format), s.storage.flag(),
			s.format.attrsFlag("show long attributes in tables too")),
		Action: action(s.run),
	}
}

// run only reads, so it also works on a file without write permission.
func (s *studiesCommand) run(ctx context.Context, con console) (err error) {
	db, err := s.storage.open(ctx, con, access{readOnly: true})
	if err != nil {
		return err
	}
	// Close can fail too.
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := db.Studies(ctx)
	if err != nil {
		return err
	}
	var records []record
	for _, one := range all {
		// The names need no further query.
		r := record{{Name: "name", Value: one.Name}}
		if !s.namesOnly {
			if r, err = studyRecord(ctx, db, one); err != nil {
				return err
			}
		}
		records = append(records, r)
	}
	dropEmptyAttrs(records)
	return s.format.print(con, records, false)
}

// studyRecord describes a study as Optuna does. It reads the extent of the trials, not the trials.
func studyRecord(ctx context.Context, db storage.Storage, s storage.Study) (record, error) {
	trials, start, err := db.Extent(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	// A tuple, because Optuna prints one.
	var directions tuple
	for _, d := range s.Directions {
		directions = append(directions, strings.ToUpper(d.String()))
	}
	attrs := map[string]any{} // a map and not a record, since Optuna does not flatten it
	for _, a := range attrsRecord(s.UserAttrs) {
		attrs[a.Name] = a.Value
	}
	return record{
		{Name: "name", Value: s.Name}, {Name: "direction", Value: directions}, {Name: "n_trials", Value: trials},
		{Name: "datetime_start", Value: showTime(start)}, {Name: "user_attrs", Value: attrs},
	}, nil
}

// dropEmptyAttrs removes the column of attributes where no record has any.
func dropEmptyAttrs(records []record) {
	if slices.ContainsFunc(records, hasAttrs) {
		return
	}
	for i := range records {
		records[i] = slices.DeleteFunc(records[i], func(m pyjson.Member) bool { return m.Name == "user_attrs" })
	}
}
