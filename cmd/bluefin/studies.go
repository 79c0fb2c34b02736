package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

func createStudyCommand() *cli.Command {
	return &cli.Command{
		Name:  "create-study",
		Usage: "create a study and print its name",
		Flags: []cli.Flag{
			storageFlag(),
			&cli.StringFlag{Name: "study-name", Usage: "the `NAME` of the study; without it one is made up"},
			&cli.StringFlag{Name: "direction", DefaultText: "minimize", Usage: "the `DIRECTION` in which values are good: minimize or maximize"},
			&cli.StringSliceFlag{Name: "directions", Usage: "the `DIRECTION` of each of several objectives, one after the other"},
			&cli.BoolFlag{Name: "skip-if-exists", Usage: "do nothing if there is a study of that name"},
		},
		Action: func(c *cli.Context) (err error) {
			directions, err := directionFlags(c)
			if err != nil {
				return err
			}
			name := c.String("study-name")
			if name == "" {
				name = "no-name-" + uuid.NewString()
			}
			db, err := openStorage(c, sqlite.Options{})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			_, err = db.Create(c.Context, name, directions)
			if errors.Is(err, storage.ErrExist) && c.Bool("skip-if-exists") {
				err = sameDirections(c, db, name, directions)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.App.Writer, name)
			return err
		},
	}
}

// sameDirections checks that a study which is there has the directions that the
// flags name, if any do.
func sameDirections(c *cli.Context, db storage.Storage, name string, want []trial.Direction) error {
	if !c.IsSet("direction") && !c.IsSet("directions") {
		return nil
	}
	s, err := db.Load(c.Context, name)
	if err == nil && !slices.Equal(s.Directions, want) {
		err = fmt.Errorf("study %q is there, and is to %s, not to %s", name, joined(s.Directions), joined(want))
	}
	return err
}

// joined are directions, as one types them.
func joined(directions []trial.Direction) string {
	var words []string
	for _, d := range directions {
		words = append(words, d.String())
	}
	return strings.Join(words, " ")
}

func directionFlags(c *cli.Context) ([]trial.Direction, error) {
	flag, names := "directions", c.StringSlice("directions")
	switch {
	case c.IsSet("direction") && c.IsSet("directions"):
		return nil, usagef("--direction and --directions exclude each other")
	case c.IsSet("direction"):
		flag, names = "direction", []string{c.String("direction")}
	case !c.IsSet("directions"):
		names = []string{"minimize"}
	}
	var directions []trial.Direction
	for _, name := range names {
		d, err := trial.ParseDirection(name)
		if err != nil {
			return nil, usagef("--%s is %q, want minimize or maximize", flag, name)
		}
		directions = append(directions, d)
	}
	return directions, nil
}

func deleteStudyCommand() *cli.Command {
	return &cli.Command{
		Name:  "delete-study",
		Usage: "delete a study with all its trials",
		Flags: []cli.Flag{storageFlag(), studyNameFlag()},
		Action: func(c *cli.Context) (err error) {
			name := c.String("study-name")
			if name == "" {
				return usagef("--study-name is missing")
			}
			db, err := openStorage(c, sqlite.Options{MustExist: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			s, err := db.Load(c.Context, name)
			if err != nil {
				return studyError(c, db, name, err)
			}
			if err := db.Delete(c.Context, s.ID); err != nil {
				return err
			}
			logf(c, "Deleted study %q.", name)
			return nil
		},
	}
}

func studyNamesCommand() *cli.Command {
	return studyList("study-names", "print the names of all studies", "value", func(_ context.Context, _ storage.Storage, s storage.Study) (record, error) {
		return record{{Name: "name", Value: s.Name}}, nil
	})
}

func studiesCommand() *cli.Command {
	return studyList("studies", "print all studies", "table", studyRecord)
}

// studyList is a command that prints a record for each study.
func studyList(name, usage, format string, describe func(context.Context, storage.Storage, storage.Study) (record, error)) *cli.Command {
	return &cli.Command{
		Name:  name,
		Usage: usage,
		Flags: append(formatFlags(format), storageFlag(), attrsFlag("show long attributes in tables too")),
		Action: func(c *cli.Context) (err error) {
			if err := checkFormat(c); err != nil {
				return err
			}
			db, err := openStorage(c, sqlite.Options{ReadOnly: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			all, err := db.Studies(c.Context)
			if err != nil {
				return err
			}
			var records []record
			for _, s := range all {
				r, err := describe(c.Context, db, s)
				if err != nil {
					return err
				}
				records = append(records, r)
			}
			if !slices.ContainsFunc(records, hasAttrs) {
				for i := range records {
					records[i] = slices.DeleteFunc(records[i], func(m pyjson.Member) bool { return m.Name == "user_attrs" })
				}
			}
			return printRecords(c, records, false)
		},
	}
}

func studyRecord(ctx context.Context, db storage.Storage, s storage.Study) (record, error) {
	trials, start, err := db.Extent(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	var directions tuple
	for _, d := range s.Directions {
		directions = append(directions, strings.ToUpper(d.String()))
	}
	r := record{{Name: "name", Value: s.Name}, {Name: "direction", Value: directions}, {Name: "n_trials", Value: trials}, {Name: "datetime_start", Value: showTime(start)}}
	attrs := map[string]any{} // which Optuna does not flatten
	for _, a := range attrsRecord(s.UserAttrs) {
		attrs[a.Name] = a.Value
	}
	return append(r, pyjson.Member{Name: "user_attrs", Value: attrs}), nil
}
