package sqlite

import (
	"context"
	"time"
)

// awaitEvery is how often a waiting program reads the revision.
const awaitEvery = 200 * time.Millisecond

// Await implements storage.Viewer. SQLite tells nobody of a change, so it looks.
func (db *DB) Await(ctx context.Context, study, revision int64) error {
	for waited := time.Duration(0); ; waited += awaitEvery {
		now := int64(0)
		err := db.read(ctx, func(t *tx) error {
			return t.Get(&now, `SELECT coalesce((SELECT revision FROM bluefin_studies WHERE study_id = ?), -1)`, study)
		})
		if err != nil || now != revision || waited >= time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(awaitEvery):
		}
	}
}

// Tracked reports whether Since sees what other programs write from now on. It does not if the file
// was opened read-only and lacks Bluefin's tables, whose triggers count changes: open it again then.
func (db *DB) Tracked() bool { return !db.untracked }

// CheckpointSize implements storage.Viewer.
func (db *DB) CheckpointSize(ctx context.Context, study int64, number int) (step int, size int64, ok bool, err error) {
	if db.untracked { // no table
		return 0, 0, false, nil
	}
	return db.store.CheckpointSize(ctx, study, number)
}
