package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// checkCommand looks for damage in a study file.
type checkCommand struct {
	format  formatFlags
	storage storageFlag
}

// define names what is checked, as far as a user can act on it.
func (k *checkCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "print a line for each defect, or \"sound\"",
		Description: "Reads the file only, even while others write. Checks the database, Optuna's tables\n" +
			"(numbers without a gap, finished trials complete, readable texts, no row without\n" +
			"its study or trial) and, if present, Bluefin's tables and triggers. The exit code\n" +
			"is 1 if there is a defect. Unused space of a megabyte or more is reported on\n" +
			"standard error.",
		Flags:  append(k.format.flags("value"), k.storage.flag()),
		Action: action(k.run),
	}
}

// run returns an error if there are findings, after they are printed.
func (k *checkCommand) run(ctx context.Context, con console) error {
	path, err := k.storage.file()
	if err != nil {
		return err
	}
	findings, free, err := sqlite.Check(ctx, path)
	if err != nil {
		return err
	}
	// Below that, rewriting the file is not worth a message.
	if free >= 1e6 {
		con.logf("%s of %s are unused: bluefin storage vacuum reclaims them.", megabytes(free), path)
	}
	if err := k.print(con, findings); err != nil || len(findings) == 0 {
		return err
	}
	// An error, so scripts see it by the exit code.
	return fmt.Errorf("%s is not sound: %s", path, counted(len(findings), "finding"))
}

// print writes the defects: each as one line of text, or with study and trial in fields of their own.
func (k *checkCommand) print(con console, findings []sqlite.Finding) error {
	lines := k.format.format == "value"
	// Formats for programs print an empty list instead.
	if len(findings) == 0 && (lines || k.format.format == "table") {
		_, err := fmt.Fprintln(con.out, "sound")
		return err
	}
	var records []record
	for _, f := range findings {
		if lines {
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
	return k.format.print(con, records, false)
}

// backupCommand copies a study file.
type backupCommand struct {
	storage storageFlag
	output  outputFlags
}

// define has its own --force, with a warning: a study file is not an output of ours.
func (b *backupCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "backup",
		Usage: "copy a study file, also while others write to it",
		Description: "The copy is renamed into place once complete and on the disk, then checked as\n" +
			"`bluefin storage check` does. It has no unused space.",
		Flags: []cli.Flag{
			b.storage.flag(),
			&cli.StringFlag{Name: "output", Destination: &b.output.path, Aliases: []string{"o"}, DefaultText: required,
				Usage: "the `FILE` to write"},
			&cli.BoolFlag{Name: "force", Destination: &b.output.force,
				Usage: "replace the file if it exists, even a study file that is not in use"},
		},
		Action: action(b.run),
	}
}

// run checks the copy before it reports success.
func (b *backupCommand) run(ctx context.Context, con console) error {
	to := b.output.path
	path, err := b.storage.file()
	if err != nil {
		return err
	}
	if err := checkPlace(b.storage, to); err != nil {
		return writeError(to, err)
	}
	// An empty file, as mktemp makes, holds nothing to lose.
	info, err := os.Lstat(to)
	empty := err == nil && info.Mode().IsRegular() && info.Size() == 0
	err = sqlite.Backup(ctx, path, to, b.output.force || empty)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w (--force replaces it)", err)
	}
	if err != nil {
		return err
	}
	// A copy that cannot be used must be noticed now and not when it is needed.
	findings, _, err := sqlite.Check(ctx, to)
	if err != nil {
		return err
	}
	con.logf("Wrote %s.", to)
	if n := len(findings); n > 0 {
		con.logf("It has the defects of the study file: bluefin storage check prints %s.", counted(n, "finding"))
	}
	return nil
}

// upgradeCommand brings a study file up to date.
type upgradeCommand struct{ storage storageFlag }

func (u *upgradeCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "upgrade",
		Usage: "upgrade tables and triggers to this version",
		Description: "Accepts files of Bluefin and of Optuna 3.0 and later. In one transaction it adds\n" +
			"what is missing: Bluefin's tables in a file that Optuna made, triggers that are\n" +
			"missing or changed, Optuna's index of 3.2. Optuna reads the file as before.",
		Flags:  []cli.Flag{u.storage.flag()},
		Action: action(u.run),
	}
}

// run says what was changed, since the file may belong to others too.
func (u *upgradeCommand) run(ctx context.Context, con console) error {
	path, err := u.storage.file()
	if err != nil {
		return err
	}
	done, err := sqlite.Upgrade(ctx, path)
	if err != nil {
		return err
	}
	for _, line := range done {
		con.logf("%s", line)
	}
	if len(done) == 0 {
		con.logf("%s needs no upgrade.", path)
	}
	return nil
}

// vacuumCommand shrinks a study file.
type vacuumCommand struct{ storage storageFlag }

func (v *vacuumCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "vacuum",
		Usage: "return unused space in the file to the disk",
		Description: "Deleted studies and checkpoints leave unused space in the file, which later\n" +
			"trials reuse. Most of it is returned when a trial with a large checkpoint ends\n" +
			"or a study is deleted; this command returns all of it. It rewrites the file\n" +
			"in one step, so a kill or a full disk changes nothing. Others can read\n" +
			"meanwhile, and wait to write. The disk needs space for two copies of the used\n" +
			"part.",
		Flags:  []cli.Flag{v.storage.flag()},
		Action: action(v.run),
	}
}

// run waits for other writers, and they for it.
func (v *vacuumCommand) run(ctx context.Context, con console) error {
	path, err := v.storage.file()
	if err != nil {
		return err
	}
	before, after, err := sqlite.Vacuum(ctx, path)
	if err == nil {
		con.logf("%s has %s, it had %s.", path, megabytes(after), megabytes(before))
	}
	return err
}
