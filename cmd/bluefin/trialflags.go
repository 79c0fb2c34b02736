package main

import (
	"math"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"
)

// trialFlags name a running trial that ask started.
type trialFlags struct {
	number  int
	leaseID string // "": whoever runs it
}

// noTrial is a number that no user types: 0 is a trial, and a negative number a mistake to report.
const noTrial = math.MinInt

// flags are --trial-number and --lease-id.
func (f *trialFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "trial-number", Destination: &f.number, Value: noTrial, DefaultText: "$BLUEFIN_TRIAL_NUMBER",
			Usage: "the `NUMBER` that ask printed"},
		&cli.StringFlag{Name: "lease-id", Destination: &f.leaseID, EnvVars: []string{"BLUEFIN_LEASE_ID"},
			Usage: "the `ID` that ask printed: fail if another worker has claimed the trial since"},
	}
}

// resolve returns the number of the trial: the flag, or else that of the environment.
func (f trialFlags) resolve() (int, error) {
	text := os.Getenv("BLUEFIN_TRIAL_NUMBER")
	if f.number != noTrial || text == "" {
		return f.number, f.given()
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, usagef("BLUEFIN_TRIAL_NUMBER is %q, want a number", text)
	}
	return number, nil
}

func (f trialFlags) given() error {
	if f.number == noTrial {
		return usagef("--trial-number is missing, and BLUEFIN_TRIAL_NUMBER is not set")
	}
	return nil
}
