package studyfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
)

// ErrNoPlan is matched by the error for a study that does not remember how its trials run.
var ErrNoPlan = errors.New("no plan")

// Plan returns what a study remembers of how its trials run: its space, metrics, sampler, pruner,
// budget and program. It has no name, storage, durability, slots and time, which belong to a
// process. If File.Finetune is not nil, bluefin finetune runs the trials, and there is no space.
//
// An error is one line. It matches ErrNoPlan if the study has none.
func Plan(s storage.Study) (*File, error) {
	attr, ok := s.SystemAttrs[sysattr.Plan]
	if !ok {
		return nil, fmt.Errorf("study %q has %w of how its trials run: bluefin tune and create-study -f save one",
			s.Name, ErrNoPlan)
	}
	path := fmt.Sprintf("plan of study %q", s.Name)
	var text string
	if err := json.Unmarshal(attr, &text); err != nil {
		return nil, fmt.Errorf("%s: attribute %s is %.100s, want a text", path, sysattr.Plan, attr)
	}
	f, err := Parse(path, []byte(text))
	if err != nil {
		return nil, err
	}
	if n := len(s.Directions); f.Finetune == nil && len(f.Metrics) != n {
		return nil, fmt.Errorf("%s: it has %d metrics and the study has %d objectives", path, len(f.Metrics), n)
	}
	return f, nil
}

// Save makes f the plan of a study, in one write, or in none if s says that it is already. Of several
// processes the last one decides.
func (f *File) Save(ctx context.Context, db storage.Storage, s storage.Study) error {
	plan := *f
	plan.Name, plan.Storage, plan.Durability, plan.Slots, plan.Time = "", "", "", Slots{}, 0
	text, err := plan.Text()
	if err != nil {
		return err
	}
	if _, err := Parse("plan", []byte(text)); err != nil {
		return fmt.Errorf("study %q cannot remember its plan: %w", s.Name, err)
	}
	attr, err := json.Marshal(text)
	if err != nil || string(attr) == string(s.SystemAttrs[sysattr.Plan]) {
		return err
	}
	return db.WriteStudy(ctx, s.ID, storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{sysattr.Plan: attr}})
}
