package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"
)

// deleteStudyCommand deletes a study. Its name is required: the only study of a file is not deleted by mistake.
type deleteStudyCommand struct{ study studyFlags }

func (s *deleteStudyCommand) define() *cli.Command {
	name := s.study.nameFlag()
	name.DefaultText, name.EnvVars = required, nil // what is deleted is typed
	return &cli.Command{
		Name:   "delete-study",
		Usage:  "delete a study with all its trials",
		Flags:  []cli.Flag{s.study.storage.flag(), name},
		Action: action(s.run),
	}
}

// run asks nothing, as it is used in scripts.
func (s *deleteStudyCommand) run(ctx context.Context, con console) (err error) {
	db, err := s.study.storage.open(ctx, con, access{mustExist: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Load turns the name into an id and finds out whether there is such a study.
	record, err := db.Load(ctx, s.study.name)
	if err != nil {
		return suggestStudy(ctx, db, s.study.name, err)
	}
	if err = db.Delete(ctx, record.ID); err == nil {
		con.logf("Deleted study %q.", s.study.name)
	}
	return err
}
