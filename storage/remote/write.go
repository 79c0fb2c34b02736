package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Create implements storage.Storage.
func (db *DB) Create(ctx context.Context, name string, directions []trial.Direction) (s storage.Study, err error) {
	if !utf8.ValidString(name) {
		return s, storage.CheckName("study name", name)
	}
	a, _, err := db.change(ctx, request{method: "write/Create", question: question{Name: name,
		Directions: encodeDirections(directions)}})
	if err != nil {
		return s, err
	}
	return a.Record.study()
}

// change makes a call that changes something. If the server has restarted it makes the call once more,
// and reports that the call may have been made before.
func (db *DB) change(ctx context.Context, c request) (a answer, again bool, err error) {
	a, err = db.send(ctx, &c, nil)
	for tries := 0; errors.Is(err, errRestarted) && tries < 3; tries++ {
		again, c.instance = true, ""
		a, err = db.send(ctx, &c, nil)
	}
	return a, again, err
}

// Delete implements storage.Storage.
func (db *DB) Delete(ctx context.Context, study int64) error {
	_, again, err := db.change(ctx, request{method: "write/Delete", question: question{Study: study}})
	if again && errors.Is(err, storage.ErrNotExist) {
		err = nil // IDs are not used twice, so it was this study
	}
	return err
}

// WriteStudy implements storage.Storage.
func (db *DB) WriteStudy(ctx context.Context, study int64, u storage.StudyUpdate) error {
	if err := checkAttrs(u.UserAttrs, u.SystemAttrs, u.If); err != nil {
		return err
	}
	_, again, err := db.change(ctx, request{method: "write/WriteStudy", question: question{Study: study,
		Change: encodeStudyUpdate(u)}})
	if again && errors.Is(err, storage.ErrChanged) && db.studyHas(ctx, study, u) {
		err = nil
	}
	return err
}

// studyHas reports whether a study has the attributes of an update.
func (db *DB) studyHas(ctx context.Context, study int64, u storage.StudyUpdate) bool {
	all, err := db.Studies(ctx)
	return err == nil && slices.ContainsFunc(all, func(s storage.Study) bool {
		return s.ID == study && contains(s.UserAttrs, u.UserAttrs) && contains(s.SystemAttrs, u.SystemAttrs)
	})
}

// Add implements storage.Storage.
func (db *DB) Add(ctx context.Context, study int64, t *trial.Trial) (int, error) {
	l, err := encodeTrial(t, nil)
	if err != nil {
		return 0, err
	}
	a, err := db.send(ctx, &request{method: "write/Add", question: question{Study: study, Trial: &l}}, nil)
	if errors.Is(err, errRestarted) {
		err = fmt.Errorf("storage %s: %w: the trial may have been added or not", db.url, errRestarted)
	}
	return a.Number, err
}

// Begin implements storage.Storage.
func (db *DB) Begin(ctx context.Context, study int64, c storage.Claim) (*trial.Trial, error) {
	for _, text := range []string{c.Owner, c.Process} {
		if !utf8.ValidString(text) {
			return nil, notUTF8("owner", text)
		}
	}
	a, _, err := db.change(ctx, request{method: "write/Begin", question: question{Study: study, Claim: encodeClaim(c)}})
	if err != nil {
		return nil, err
	}
	return a.trial()
}

// Write implements storage.Storage.
func (db *DB) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	e, err := encodeUpdate(u)
	if err != nil {
		return err
	}
	c := request{method: "write/Write", question: question{Study: study, Number: number, Update: e}}
	if u.Checkpoint != nil {
		c.data = u.Checkpoint.Data
	}
	_, again, err := db.change(ctx, c)
	if again && (errors.Is(err, storage.ErrFinished) || errors.Is(err, storage.ErrLost)) && db.trialHas(ctx, study, number, u) {
		err = nil
	}
	return err
}

// trialHas reports whether a trial has ended, or went back to the queue, with all of an update.
func (db *DB) trialHas(ctx context.Context, study int64, number int, u storage.Update) bool {
	t, err := db.Trial(ctx, study, number)
	if err != nil || u.State == trial.Running || t.State != u.State || !slices.Equal(t.Values, u.Values) {
		return false
	}
	for _, p := range u.Params {
		if q, ok := t.Param(p.Name); !ok || q.Value != p.Value || !space.Equal(q.Dist, p.Dist) {
			return false
		}
	}
	return contains(t.UserAttrs, u.UserAttrs)
}

// contains reports whether attributes have those of part.
func contains[M ~map[string]V, V ~[]byte](attrs, part M) bool {
	for key, value := range part {
		if got, ok := attrs[key]; !ok || string(got) != string(value) {
			return false
		}
	}
	return true
}

// Import implements storage.Storage.
func (db *DB) Import(ctx context.Context, s storage.Snapshot) (created storage.Study, err error) {
	if err := s.Check(); err != nil {
		return created, err
	}
	r := encodeRecord(s.Study)
	a, _, err := db.change(ctx, request{method: "write/Import", question: question{Record: &r}, trials: s.Trials})
	if err != nil {
		return created, err
	}
	return a.Record.study()
}
