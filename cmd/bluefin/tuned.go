package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/study"
)

// tuneKey is the user attribute of a study that says what its trials ran.
const tuneKey = "tune"

// A tuned is the value of the attribute.
type tuned struct {
	Metric  string   `json:"metric"`
	Command []string `json:"command"`
}

// save notes in the study what its trials run. It returns an error if earlier ones had another metric,
// because their values cannot be compared, and says if they ran another command.
func (now tuned) save(ctx context.Context, con console, s *study.Study) error {
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return err
	}
	var before tuned
	if text := attrs[tuneKey]; text != nil && json.Unmarshal(text, &before) == nil {
		if before.Metric != now.Metric {
			return fmt.Errorf("study %q is about the metric %s, and this search about %s: want another --study-name",
				s.Name(), before.Metric, now.Metric)
		}
		if !slices.Equal(before.Command, now.Command) {
			con.logf("The command is not that of the earlier trials, which was: %s", strings.Join(before.Command, " "))
		}
	}
	text, err := json.Marshal(now)
	if err != nil || bytes.Equal(text, attrs[tuneKey]) {
		return err
	}
	return s.SetUserAttr(ctx, tuneKey, now)
}
