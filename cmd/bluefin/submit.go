package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/submit"
)

// submitFlags are what both clusters share.
type submitFlags struct {
	workers submit.Workers
	storage storageFlag
	dryRun  bool
}

// flags are those about workers. job is what the cluster calls what it starts.
func (f *submitFlags) flags(job string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "study-name", Destination: &f.workers.Study, DefaultText: required, EnvVars: studyVars(),
			Usage: "the `NAME` of the study"},
		&cli.IntFlag{Name: "workers", Destination: &f.workers.Count, Value: 4, Usage: "the `NUMBER` of workers"},
		&cli.IntFlag{Name: "max-trials", Destination: &f.workers.MaxTrials, DefaultText: "no limit",
			Usage: "end each worker after a `NUMBER` of trials"},
		&cli.DurationFlag{Name: "max-time", Destination: &f.workers.MaxTime, DefaultText: "no limit",
			Usage: "a worker starts no trial after a `TIME` like 2h"},
		&cli.DurationFlag{Name: "grace", Destination: &f.workers.Grace, Value: 90 * time.Second,
			Usage: "a worker ends within a `TIME` of SIGTERM; the cluster waits 30 s longer"},
		&cli.StringFlag{Name: "checkpoint-dir", Destination: &f.workers.CheckpointDir, DefaultText: "none",
			Usage: "a `FOLDER` that all workers share, where trials keep their checkpoints"},
		&cli.StringFlag{Name: "name", Destination: &f.workers.Name, DefaultText: "made from the study's",
			Usage: "the `NAME` of the " + job},
		&cli.StringFlag{Name: "bluefin", Destination: &f.workers.Program, Value: "bluefin",
			Usage: "the `PATH` of this program where the workers run"},
		&cli.BoolFlag{Name: "dry-run", Destination: &f.dryRun, Usage: "print what would be submitted, and submit nothing"},
	}
}

// before takes the program, which follows the flags.
func (f *submitFlags) before(c *cli.Context) error {
	f.workers.Command = c.Args().Slice()
	return nil
}

// place is where the workers find the study. Passwords are refused and not left out, so what was printed
// works as it is.
func (f *submitFlags) place() (place, error) {
	p, err := f.storage.place()
	if err == nil && p.secret() {
		err = usagef("--storage has a password, want it in ~/.pgpass or PGPASSWORD of the workers, not where everybody " +
			"can read it")
	}
	return p, err
}

// submit prints the text, or gives it to a program of the cluster.
func (f *submitFlags) submit(ctx context.Context, con console, text string, program ...string) error {
	if p, err := f.storage.place(); err == nil && p.thisMachine() {
		con.logger().Warn("workers on other machines do not reach --storage " + p.String())
	}
	if f.dryRun {
		_, err := io.WriteString(con.out, text)
		return err
	}
	path, err := exec.LookPath(program[0])
	if err != nil {
		return fmt.Errorf("%s is not on the PATH, want a machine that has it, or --dry-run", program[0])
	}
	cmd := exec.CommandContext(ctx, path, program[1:]...)
	var out, notes bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, &notes
	err = cmd.Run()
	said := strings.ReplaceAll(strings.TrimSpace(notes.String()), program[0]+": ", "")
	said = strings.ReplaceAll(said, "\n", "; ")
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return fmt.Errorf("%s: %s", program[0], cmp.Or(said, err.Error()))
	case said != "":
		con.logf("%s: %s", program[0], said)
	}
	_, err = con.out.Write(out.Bytes())
	return err
}

// submitSlurmCommand submits workers as an array of batch jobs.
type submitSlurmCommand struct {
	submitFlags
	slurm   submit.Slurm
	options cli.StringSlice
}

func (s *submitSlurmCommand) define(width int) *cli.Command {
	groups := []flagGroup{
		{"workers", append([]cli.Flag{s.storage.flag()}, s.flags("job")...)},
		{"each worker", []cli.Flag{
			&cli.IntFlag{Name: "cpus", Destination: &s.slurm.CPUs, DefaultText: "the cluster's", Usage: "a `NUMBER` of CPUs"},
			&cli.StringFlag{Name: "memory", Destination: &s.slurm.Memory, DefaultText: "the cluster's",
				Usage: "an `AMOUNT` of memory such as 16G"},
			&cli.StringFlag{Name: "gpus", Destination: &s.slurm.GPUs, Value: "1",
				Usage: "a `NUMBER` of GPUs, also as TYPE:NUMBER; 0 for none"},
			&cli.StringFlag{Name: "time", Destination: &s.slurm.Time, DefaultText: "the partition's",
				Usage: "the `LIMIT` on its time, as Slurm writes it, such as 4:00:00; a worker that runs out of time " +
					"is queued again"},
		}},
		{"slurm", []cli.Flag{
			&cli.IntFlag{Name: "limit", Destination: &s.slurm.Limit, DefaultText: "all",
				Usage: "the `NUMBER` of workers that run at once"},
			&cli.StringFlag{Name: "partition", Destination: &s.slurm.Partition, DefaultText: "the cluster's",
				Usage: "the `NAME` of a partition"},
			&cli.StringFlag{Name: "account", Destination: &s.slurm.Account, DefaultText: "yours",
				Usage: "the `NAME` of the account that pays"},
			&cli.StringFlag{Name: "qos", Destination: &s.slurm.QOS, DefaultText: "yours",
				Usage: "the `NAME` of a quality of service"},
			&cli.StringFlag{Name: "output", Destination: &s.slurm.Output, Value: "bluefin-%A_%a.log",
				Usage: "the `FILE` of each worker's log: %A is the number of the job and %a that of the worker"},
			&cli.StringSliceFlag{Name: "sbatch", Destination: &s.options,
				Usage: "another `OPTION` of sbatch, such as --sbatch=--constraint=a100; again for several"},
		}},
	}
	cmd := &cli.Command{
		Name:      "slurm",
		Usage:     "start workers of a study as an array of Slurm jobs",
		ArgsUsage: "[-- PROGRAM [ARGUMENT…]]",
		Description: "Submits an array of jobs that run bluefin worker. A worker that runs out of time or cannot reach " +
			"the storage is queued again. Without a program, workers run the study's. sbatch exports your environment, " +
			"so PGPASSWORD and BLUEFIN_TOKEN reach the workers.",
		Before: s.before,
		Action: action(s.run),
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText("submit slurm", cmd, groups, width)
	return cmd
}

func (s *submitSlurmCommand) run(ctx context.Context, con console) error {
	p, err := s.place()
	if err == nil {
		p, err = p.absolute() // with --sbatch=--chdir, workers start elsewhere
	}
	if err != nil {
		return err
	}
	s.slurm.Workers, s.slurm.Options = s.workers, s.options.Value()
	s.slurm.Storage = p.String()
	script, err := s.slurm.Script()
	if err != nil {
		return usagef("%w", err)
	}
	return s.submit(ctx, con, script, "sbatch")
}
