package message

import (
	"errors"
	"fmt"
	"testing"
)

func TestAMessageIsOneLineWithoutPackages(t *testing.T) {
	lost := errors.New("storage: the trial is lost")
	for want, err := range map[string]error{
		"the trial is lost":                     lost,
		"begin a trial: the trial is lost":      fmt.Errorf("study: begin a trial: %w", lost),
		"the trial is lost; seed is -1, want 0": errors.Join(lost, errors.New("functions: seed is -1, want 0")),
		"folds is 9":                            errors.New("finetune: train: folds is 9"),
		"the context: x":                        errors.New("the context: x"), // ends like "text"
	} {
		if got := OneLine(err); got != want {
			t.Errorf("the message is %q, want %q", got, want)
		}
	}
}
