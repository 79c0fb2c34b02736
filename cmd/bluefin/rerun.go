package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// rerunCommand prints or runs the command line of a trial of bluefin tune.
type rerunCommand struct {
	study   studyFlags
	trial   int
	execute bool
	folder  string
	grace   time.Duration
}

func (r *rerunCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "rerun",
		Usage: "print or run the command of a trial of bluefin tune",
		Description: "Prints the command as a shell would take it, with its working folder and the environment\n" +
			"that the trial had besides yours. With --run, runs it in a new folder. The study does not change.",
		Flags: append(r.study.flags(), trialFlag(&r.trial, "the `NUMBER` of the trial"),
			&cli.BoolFlag{Name: "run", Destination: &r.execute, Usage: "run the command"},
			&cli.StringFlag{Name: "folder", Destination: &r.folder, DefaultText: "beside that of the trial",
				Usage: "the new `FOLDER` that --run uses in place of the trial's"},
			&cli.DurationFlag{Name: "grace", Destination: &r.grace, Value: 30 * time.Second,
				Usage: "the `TIME` from SIGTERM to SIGKILL if --run is interrupted"}),
		Action: action(r.run),
	}
}

// run reads the study and closes it, so that a long program holds nothing of it.
func (r *rerunCommand) run(ctx context.Context, con console) error {
	if r.folder != "" && !r.execute {
		return usagef("--folder is for --run")
	}
	if r.grace < 0 {
		return usagef("--grace is %v, want at least 0", r.grace)
	}
	var t *trial.Trial
	var name string
	if err := r.study.with(ctx, con, access{readOnly: true}, study.Config{}, func(s *study.Study) (err error) {
		name = s.Name()
		if r.trial != -1 {
			t, err = s.Trial(ctx, r.trial)
		} else {
			t, err = s.Best(ctx)
		}
		return err
	}); err != nil {
		return err
	}
	var line command.Line
	text := t.UserAttrs[command.LineAttr]
	if err := json.Unmarshal(text, &line); text == nil || err != nil || len(line.Args) == 0 {
		return fmt.Errorf("study %q: trial %d has no command line, as it was not run by bluefin tune", name, t.Number)
	}
	params := externals(t.Params)
	if !r.execute {
		if err := printLine(con, line, line.Variables(t.Number, params)); err != nil {
			return err
		}
		if line.Folder != "" {
			con.logf("This uses the folder of the trial again; --run makes a new one.")
		}
		return nil
	}
	if line.Folder != "" || r.folder != "" {
		folder, err := newFolder(cmp.Or(r.folder, line.Folder+"-rerun"), r.folder == "")
		if err != nil {
			return fmt.Errorf("folder for the run: %w", err)
		}
		if line, err = line.In(folder); err != nil {
			return err
		}
	}
	con.logf("Running trial %d of study %q again%s.", t.Number, name, in(line.Folder))
	// What the program prints goes out as it is: it is the user's own.
	if err := line.Run(ctx, t.Number, params, r.grace, con.out.w); ctx.Err() != nil {
		return errInterrupted
	} else if err != nil {
		return err
	}
	if len(t.Values) > 0 {
		con.logf("The trial itself was %v with %v.", t.State, t.Values)
	}
	return nil
}

func in(folder string) string {
	if folder == "" {
		return ""
	}
	return " in " + folder
}

// newFolder makes a folder that did not exist, or was empty. With another it adds a number to the name
// until there is none.
func newFolder(path string, another bool) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", err
	}
	for i, name := 2, path; ; i++ {
		err := os.Mkdir(name, 0o777)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
		if !another {
			entries, err := os.ReadDir(name)
			if err == nil && len(entries) > 0 {
				err = fmt.Errorf("%s is not empty: want another --folder", name)
			}
			return name, err
		}
		name = path + "-" + strconv.Itoa(i)
	}
}

// printLine prints a command for a POSIX shell. On a terminal, control characters would be shown as
// escapes, which a shell must not get.
func printLine(con console, line command.Line, env []string) error {
	text := lineText(line, env)
	if plain := strings.ReplaceAll(text, "\n", ""); con.out.terminal && message.Visible(plain) != plain {
		return errors.New("the command has characters that a terminal cannot show: want a pipe or a file")
	}
	_, err := fmt.Fprint(con.out, text)
	return err
}

// lineText is a command for a POSIX shell, in lines.
func lineText(line command.Line, env []string) string {
	words := []string{"cd " + shellquote.Join(line.Dir) + " && env"}
	for _, v := range env {
		words = append(words, shellquote.Join(v))
	}
	words = append(words, shellquote.Join(line.Args...))
	return strings.Join(words, " \\\n  ") + "\n"
}
