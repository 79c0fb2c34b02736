package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

func storageCommand() *cli.Command {
	return &cli.Command{
		Name:        "storage",
		Usage:       "look after a study file",
		Subcommands: []*cli.Command{storageCheckCommand(), storageBackupCommand(), storageUpgradeCommand(), storageVacuumCommand()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c, "storage ")
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func storageCheckCommand() *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "print a line for each thing that is wrong, or \"sound\"",
		Description: "The file is read and not changed, also while others write to it. Checked are the\n" +
			"database itself, Optuna's tables (numbers without a gap, finished trials complete,\n" +
			"readable texts, no row without its study or trial) and, if the file has them,\n" +
			"Bluefin's tables and triggers. The exit code is 1 if anything is wrong. Free room\n" +
			"of a megabyte or more is told on standard error.",
		Flags: append(formatFlags("value"), storageFlag()),
		Action: func(c *cli.Context) error {
			if err := checkFormat(c); err != nil {
				return err
			}
			path, err := storagePath(c.String("storage"))
			if err != nil {
				return err
			}
			findings, free, err := sqlite.Check(c.Context, path)
			if err != nil {
				return err
			}
			if free >= 1e6 {
				logf(c, "%s of %s are free: bluefin storage vacuum gives them back.", megabytes(free), path)
			}
			if err := printFindings(c, findings); err != nil || len(findings) == 0 {
				return err
			}
			return fmt.Errorf("%s is not sound: %s", path, counted(len(findings), "finding"))
		},
	}
}

func printFindings(c *cli.Context, findings []sqlite.Finding) error {
	format := c.String("format")
	if len(findings) == 0 && (format == "value" || format == "table") {
		_, err := fmt.Fprintln(c.App.Writer, "sound")
		return err
	}
	var records []record
	for _, f := range findings {
		if format == "value" {
			records = append(records, record{{Name: "finding", Value: f.String()}})
			continue
		}
		r := record{{Name: "study"}, {Name: "trial"}, {Name: "finding", Value: f.Text}}
		if f.Study != "" {
			r[0].Value = f.Study
		}
		if f.Trial >= 0 {
			r[1].Value = f.Trial
		}
		records = append(records, r)
	}
	return printRecords(c, records, false)
}

// counted is n things in words.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func storageBackupCommand() *cli.Command {
	return &cli.Command{
		Name:  "backup",
		Usage: "copy a study file, also while others write to it",
		Description: "The copy appears under its name when it is whole and on the disk, and is checked\n" +
			"as `bluefin storage check` does. It is smaller than the file if that has holes.",
		Flags: []cli.Flag{
			storageFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, DefaultText: "required", Usage: "the `FILE` to write"},
			&cli.BoolFlag{Name: "force", Usage: "replace the file if it exists, also if it is a study file that nothing uses"},
		},
		Action: func(c *cli.Context) error {
			to := c.String("output")
			if to == "" {
				return usagef("--output is missing")
			}
			path, err := storagePath(c.String("storage"))
			if err != nil {
				return err
			}
			if err := checkPlace(c, to); err != nil {
				return writeError(to, err)
			}
			info, err := os.Lstat(to)
			empty := err == nil && info.Mode().IsRegular() && info.Size() == 0
			err = sqlite.Backup(c.Context, path, to, c.Bool("force") || empty)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%w (--force replaces it)", err)
			}
			if err != nil {
				return err
			}
			findings, _, err := sqlite.Check(c.Context, to)
			if err != nil {
				return err
			}
			logf(c, "Wrote %s.", to)
			if n := len(findings); n > 0 {
				logf(c, "It has what the study file has: %s of bluefin storage check.", counted(n, "finding"))
			}
			return nil
		},
	}
}

func storageVacuumCommand() *cli.Command {
	return &cli.Command{
		Name:  "vacuum",
		Usage: "give free room in the file back to the disk",
		Description: "Deleted studies and checkpoints leave free room in the file, which later\n" +
			"trials use. Most of it is given back when a trial with a large checkpoint\n" +
			"ends or a study is deleted; this command gives back all of it. It writes the\n" +
			"file anew in one step, so a kill or a full disk changes nothing. Others can\n" +
			"read meanwhile, and wait to write. The disk needs room for two copies of\n" +
			"what is not free.",
		Flags: []cli.Flag{storageFlag()},
		Action: func(c *cli.Context) error {
			path, err := storagePath(c.String("storage"))
			if err != nil {
				return err
			}
			before, after, err := sqlite.Vacuum(c.Context, path)
			if err == nil {
				logf(c, "%s has %s, it had %s.", path, megabytes(after), megabytes(before))
			}
			return err
		},
	}
}

// megabytes is a size for a reader.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func storageUpgradeCommand() *cli.Command {
	return &cli.Command{
		Name:  "upgrade",
		Usage: "bring the tables and triggers up to those of this program",
		Description: "It takes files of Bluefin and of Optuna 3.0 and later, and does in one step what\n" +
			"is needed, if anything: Bluefin's tables in a file that Optuna made, triggers that\n" +
			"are missing or changed, Optuna's index of 3.2. Optuna reads the file as before.",
		Flags: []cli.Flag{storageFlag()},
		Action: func(c *cli.Context) error {
			path, err := storagePath(c.String("storage"))
			if err != nil {
				return err
			}
			done, err := sqlite.Upgrade(c.Context, path)
			if err != nil {
				return err
			}
			for _, line := range done {
				logf(c, "%s", line)
			}
			if len(done) == 0 {
				logf(c, "%s needs no upgrade.", path)
			}
			return nil
		},
	}
}
