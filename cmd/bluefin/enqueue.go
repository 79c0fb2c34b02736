package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

func enqueueCommand() *cli.Command {
	return &cli.Command{
		Name:  "enqueue",
		Usage: "queue a trial with given parameters and print its number",
		Description: "The next trial that begins has these parameters; those that are not given are\n" +
			"drawn. Whether the values fit is known when the trial asks for them.",
		Flags: []cli.Flag{
			storageFlag(), studyNameFlag(),
			&cli.StringFlag{Name: "params", DefaultText: "required", Usage: "`JSON` object of values by parameter, like " +
				`{"lr": 0.01, "opt": "adam"}; @FILE reads it from a file, @- from standard input`},
			&cli.BoolFlag{Name: "skip-if-exists", Usage: "queue nothing if a trial has these parameters already, in whatever state, and print its number"},
		},
		Action: func(c *cli.Context) error {
			params, err := paramsFlag(c)
			if err != nil {
				return err
			}
			return withStudy(c, sqlite.Options{MustExist: true}, study.Config{}, func(s *study.Study) error {
				number, added := 0, true
				var err error
				if c.Bool("skip-if-exists") {
					number, added, err = s.EnqueueOnce(c.Context, params)
				} else {
					number, err = s.Enqueue(c.Context, params)
				}
				if err != nil {
					return err
				}
				if !added {
					logf(c, "Trial %d has these parameters already.", number)
				}
				_, err = fmt.Fprintln(c.App.Writer, number)
				return err
			})
		},
	}
}

func paramsFlag(c *cli.Context) (map[string]any, error) {
	text, err := textOrFile(c, "params")
	if err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || len(object) == 0 {
		return nil, usagef("--params is %.200q, want a JSON object of values by parameter", text)
	}
	params := map[string]any{}
	for name, raw := range object {
		v, err := pyjson.Unmarshal(raw)
		switch v.(type) {
		case []any, map[string]any:
			return nil, usagef("--params: %q is a list or an object, want null, true, false, a number or a string", name)
		}
		if err != nil {
			return nil, usagef("--params: %q: %w", name, err)
		}
		params[name] = v
	}
	return params, nil
}

// textOrFile is the value of a flag, or what is in the file that it names as
// @FILE or @- (standard input).
func textOrFile(c *cli.Context, flag string) (string, error) {
	path, isFile := strings.CutPrefix(c.String(flag), "@")
	if !isFile {
		return path, nil
	}
	text, err := []byte(nil), error(nil)
	if path == "-" {
		text, err = io.ReadAll(c.App.Reader)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	return strings.TrimPrefix(string(text), "\ufeff"), nil
}

func studyCommand() *cli.Command {
	return &cli.Command{
		Name:  "study",
		Usage: "change a study",
		Subcommands: []*cli.Command{{
			Name:  "set-user-attr",
			Usage: "set a user attribute of a study to a text",
			Flags: []cli.Flag{
				storageFlag(), studyNameFlag(),
				&cli.StringFlag{Name: "key", Aliases: []string{"k"}, DefaultText: "required", Usage: "the `NAME` of the attribute"},
				&cli.StringFlag{Name: "value", DefaultText: "required", Usage: "its `TEXT`"},
			},
			Action: func(c *cli.Context) error {
				for _, flag := range []string{"key", "value"} {
					if !c.IsSet(flag) {
						return usagef("--%s is missing", flag)
					}
				}
				return withStudy(c, sqlite.Options{MustExist: true}, study.Config{}, func(s *study.Study) error {
					if err := s.SetUserAttr(c.Context, c.String("key"), c.String("value")); err != nil {
						return err
					}
					logf(c, "Set attribute %q of study %q.", c.String("key"), s.Name())
					return nil
				})
			},
		}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c, "study ")
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}
