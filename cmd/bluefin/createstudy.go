package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// createStudyCommand creates a study, and the file if there is none.
type createStudyCommand struct {
	study        studyFlags
	direction    string // "": minimize
	directions   cli.StringSlice
	pruner       string // "": median
	skipIfExists bool
	file         string // of a plan; "": the study has none
}

func (s *createStudyCommand) define() *cli.Command {
	name := s.study.nameFlag()
	name.Usage = "the `NAME` of the study (default: a generated name)"
	pruner := prunerFlag(&s.pruner)
	pruner.DefaultText, pruner.Value = pruner.Value, ""
	return &cli.Command{
		Name:  "create-study",
		Usage: "create a study and print its name",
		Flags: []cli.Flag{
			s.study.storage.flag(), name,
			&cli.StringFlag{Name: "direction", Destination: &s.direction, DefaultText: "minimize",
				Usage: "the `DIRECTION` of the objective: minimize or maximize"},
			&cli.StringSliceFlag{Name: "directions", Destination: &s.directions,
				Usage: "one `DIRECTION` per objective, in order"},
			pruner,
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &s.file,
				Usage: "make the study of a `FILE`, a study.yaml or sweep.yaml as for bluefin tune, with its first trials " +
					"and its plan, which bluefin worker follows"},
			&cli.BoolFlag{Name: "skip-if-exists", Destination: &s.skipIfExists,
				Usage: "do nothing if there is a study of that name"},
		},
		Action: action(s.run),
	}
}

// run prints the name, which may have been made up.
func (s *createStudyCommand) run(ctx context.Context, con console) (err error) {
	if s.file != "" {
		return s.ofFile(ctx, con)
	}
	directions, given, err := s.parseDirections()
	if err != nil {
		return err
	}
	if _, err := parsePruner(cmp.Or(s.pruner, "none"), s.study.name, outline.ValueNames(len(directions))...); err != nil {
		return err
	}
	name := s.study.name
	if name == "" {
		// As Optuna names them.
		name = "no-name-" + uuid.NewString()
	}
	// Flags are checked first, since opening creates the file.
	db, err := s.study.storage.open(ctx, con, access{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	record, err := db.Create(ctx, name, directions)
	if errors.Is(err, storage.ErrExist) && s.skipIfExists {
		// The caller wants a study to use, and one with another direction is of no use.
		if record, err = db.Load(ctx, name); err == nil && given && !slices.Equal(record.Directions, directions) {
			err = fmt.Errorf("study %q exists and is to %s, not to %s", name, joined(record.Directions),
				joined(directions))
		}
	}
	if err == nil {
		err = s.savePruner(ctx, db, record)
	}
	if err != nil {
		return err
	}
	// The name alone, so a script can use it.
	_, err = fmt.Fprintln(con.out, name)
	return err
}

// savePruner notes the pruner for the commands that report trials, unless the study has another one: two
// scripts that disagree would spoil each other's search.
func (s *createStudyCommand) savePruner(ctx context.Context, db storage.Storage, record storage.Study) error {
	if s.pruner == "" {
		return nil
	}
	if _, err := parsePruner(s.pruner, record.Name, outline.ValueNames(len(record.Directions))...); err != nil {
		return err
	}
	text, _ := json.Marshal(s.pruner) // a string always marshals
	if old := record.UserAttrs[choose.PrunerKey]; old != nil && string(old) != string(text) {
		return fmt.Errorf("study %q exists and has the pruner %s, not %q; bluefin study set-user-attr --key %s changes it",
			record.Name, old, s.pruner, choose.PrunerKey)
	}
	return db.WriteStudy(ctx, record.ID, storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{choose.PrunerKey: text}})
}

// parseDirections returns the directions of the objectives, and whether flags give them.
func (s *createStudyCommand) parseDirections() (directions []trial.Direction, given bool, err error) {
	flag, names := "directions", s.directions.Value()
	switch {
	case s.direction != "" && len(names) > 0:
		return nil, true, usagef("--direction and --directions exclude each other")
	case s.direction != "":
		flag, names = "direction", []string{s.direction}
	case len(names) == 0:
		// Not given: any existing study will do.
		return []trial.Direction{trial.Minimize}, false, nil
	}
	for _, name := range names {
		d, err := trial.ParseDirection(name)
		if err != nil {
			return nil, true, usagef("--%s is %q, want minimize or maximize", flag, name)
		}
		directions = append(directions, d)
	}
	return directions, true, nil
}

// joined writes directions as a user types them.
func joined(directions []trial.Direction) string {
	var words []string
	for _, d := range directions {
		words = append(words, d.String())
	}
	return strings.Join(words, " ")
}
