package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write the best trial as JSON; of a study with several objectives, the list of its best trials",
		Flags: []cli.Flag{
			storageFlag(), studyNameFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write (default: standard output)"},
			&cli.BoolFlag{Name: "params-only", Usage: "write the parameters and nothing else"},
		},
		Action: func(c *cli.Context) error {
			return withStudy(c, sqlite.ReadOnly, study.Config{}, func(s *study.Study) error {
				v, err := exported(c, s)
				if err != nil {
					return err
				}
				text, err := json.MarshalIndent(v, "", "  ")
				if err != nil {
					return err
				}
				text = append(text, '\n')
				path := c.String("output")
				if path == "" || path == "-" {
					_, err = c.App.Writer.Write(text)
					return err
				}
				if err := writeFile(path, text); err != nil {
					return err
				}
				logf(c, "Wrote %s.", path)
				return nil
			})
		},
	}
}

// exported is what export writes, as a value that JSON knows.
func exported(c *cli.Context, s *study.Study) (any, error) {
	one := func(e study.Export) any {
		if c.Bool("params-only") {
			return e.Params
		}
		return e
	}
	if len(s.Directions()) == 1 {
		best, err := s.Best(c.Context)
		if err != nil {
			return nil, err
		}
		return one(s.Export(best)), nil
	}
	front, err := s.BestTrials(c.Context)
	if err == nil && len(front) == 0 {
		err = study.ErrNoBest
	}
	var all []any
	for _, t := range front {
		all = append(all, one(s.Export(t)))
	}
	return all, err
}

// writeFile writes beside the file and then renames, so that a full disk or a
// kill leaves what was there before.
func writeFile(path string, text []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, text, 0o644) // a pipe or a device stays what it is
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("write %s: %w", path, p.Err) // without the temporary name
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
