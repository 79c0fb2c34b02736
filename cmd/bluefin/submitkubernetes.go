package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/submit"
)

// submitKubernetesCommand submits workers as an Indexed Job.
type submitKubernetesCommand struct {
	submitFlags
	job                         submit.Kubernetes
	env, secrets, volumes, pull cli.StringSlice
}

func (s *submitKubernetesCommand) define(width int) *cli.Command {
	storage := s.storage.flag().(*cli.StringFlag)
	// A file, or what this machine calls the server, is not what pods need.
	storage.Value, storage.EnvVars, storage.DefaultText = "", nil, "from --secret BLUEFIN_STORAGE"
	storage.Usage = "the `URL` of PostgreSQL or of bluefin serve, without a password"
	groups := []flagGroup{
		{"workers", append([]cli.Flag{storage}, s.flags("Job")...)},
		{"each worker", []cli.Flag{
			&cli.StringFlag{Name: "image", Destination: &s.job.Image, DefaultText: required,
				Usage: "the `IMAGE` that has bluefin and the program"},
			&cli.StringFlag{Name: "cpus", Destination: &s.job.CPUs, DefaultText: "none requested",
				Usage: "a `NUMBER` of CPUs such as 4 or 500m"},
			&cli.StringFlag{Name: "memory", Destination: &s.job.Memory, DefaultText: "none requested",
				Usage: "an `AMOUNT` of memory such as 16Gi, requested and its limit"},
			&cli.IntFlag{Name: "gpus", Destination: &s.job.GPUs, Value: 1, Usage: "a `NUMBER` of NVIDIA GPUs; 0 for none"},
			&cli.IntFlag{Name: "user", Destination: &s.job.User, Value: 65532,
				Usage: "the `NUMBER` of the user that runs it, not root"},
			&cli.StringSliceFlag{Name: "env", Destination: &s.env, Usage: "a variable, as `NAME=VALUE`; again for several"},
			&cli.StringSliceFlag{Name: "secret", Destination: &s.secrets,
				Usage: "a variable from a secret, as `NAME=SECRET/KEY`, such as PGPASSWORD=bluefin/password; again for several"},
			&cli.StringSliceFlag{Name: "volume", Destination: &s.volumes,
				Usage: "a persistent volume claim and where it is mounted, as `CLAIM:/PATH` or CLAIM:/PATH:ro; again for several"},
		}},
		{"kubernetes", []cli.Flag{
			&cli.StringFlag{Name: "namespace", Destination: &s.job.Namespace, DefaultText: "that of kubectl",
				Usage: "the `NAME` of a namespace"},
			&cli.StringFlag{Name: "queue", Destination: &s.job.Queue, DefaultText: "none",
				Usage: "the `NAME` of a Kueue local queue, which admits the Job"},
			&cli.IntFlag{Name: "retries", Destination: &s.job.Retries, Value: 10,
				Usage: "how often a worker that failed is restarted, a `NUMBER`; evictions do not count"},
			&cli.IntFlag{Name: "max-failed", Destination: &s.job.Failures, Value: -1, DefaultText: "half of them",
				Usage: "stop the others once more than a `NUMBER` of workers has failed for good"},
			&cli.StringSliceFlag{Name: "pull-secret", Destination: &s.pull,
				Usage: "the `NAME` of the secret for the registry of the image; again for several"},
		}},
	}
	cmd := &cli.Command{
		Name:      "kubernetes",
		Usage:     "start workers of a study as a Kubernetes Job",
		ArgsUsage: "[-- PROGRAM [ARGUMENT…]]",
		Description: "Creates an Indexed Job whose pods run bluefin worker. --dry-run prints its manifest:\n" +
			"  bluefin submit kubernetes … --dry-run -- PROGRAM | kubectl apply -f -\n" +
			"Without a program, workers run the study's.",
		Before: s.before,
		Action: action(s.run),
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText("submit kubernetes", cmd, groups, width)
	return cmd
}

func (s *submitKubernetesCommand) run(ctx context.Context, con console) error {
	manifest, err := s.manifest()
	if err != nil {
		return usagef("%w", err)
	}
	// Not apply, which does nothing about a Job of that name that has finished.
	return s.submit(ctx, con, manifest, "kubectl", "create", "-f", "-")
}

// manifest reads the lists.
func (s *submitKubernetesCommand) manifest() (string, error) {
	job := s.job
	job.Workers, job.Pull = s.workers, s.pull.Value()
	if s.storage != "" {
		p, err := s.place()
		if err == nil && p.isFile() {
			err = usagef("--storage is %s, want the URL of PostgreSQL or of bluefin serve: pods do not share files safely", p)
		}
		if err != nil {
			return "", err
		}
		job.Storage = p.String()
	}
	for _, text := range s.env.Value() {
		v, err := submit.ParseVariable(text)
		if err != nil {
			return "", err
		}
		job.Env = append(job.Env, v)
	}
	for _, text := range s.secrets.Value() {
		v, err := submit.ParseSecret(text)
		if err != nil {
			return "", err
		}
		job.Secrets = append(job.Secrets, v)
	}
	for _, text := range s.volumes.Value() {
		v, err := submit.ParseVolume(text)
		if err != nil {
			return "", err
		}
		job.Volumes = append(job.Volumes, v)
	}
	return job.Manifest()
}
