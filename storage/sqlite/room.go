package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/storage"
)

// Deleted rows leave unused space in the file, which new rows use first. Bluefin
// deletes large rows, checkpoints, so it returns the space once there is more of
// it than data: rewriting the data then costs less than writing the deleted rows did.

// large is the size in bytes from which a checkpoint is worth a check for unused space.
const large = 1 << 20

// muchRoom is how many unused bytes are returned automatically.
const muchRoom = 16 << 20

// size returns how many bytes the file has and how many of them are unused.
func size(t *tx) (total, free int64, err error) {
	var page, pages, unused int64
	// Page counts cost nothing; the size of the file would not include the log.
	err = errors.Join(t.Get(&page, `PRAGMA page_size`), t.Get(&pages, `PRAGMA page_count`),
		t.Get(&unused, `PRAGMA freelist_count`))
	return page * pages, page * unused, err
}

// Vacuum rewrites the study file at path without unused space, in one transaction,
// and returns its size in bytes before and after. Others can read meanwhile;
// writers wait. The disk needs space for two copies of the used part.
func Vacuum(ctx context.Context, path string) (before, after int64, err error) {
	db, err := openRaw(ctx, path, Options{MustExist: true})
	if err != nil {
		return 0, 0, err
	}
	before, after, err = db.vacuum(ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return 0, 0, fmt.Errorf("vacuum study file %s: %w", path, err)
	}
	return before, after, nil
}

func (db *DB) vacuum(ctx context.Context) (before, after int64, err error) {
	w := newWrite(ctx, func(t *tx) error {
		if before, _, err = size(t); err != nil {
			return err
		}
		t.Script(`VACUUM`)
		// The file shrinks when the log is copied into it. Readers may keep the
		// end of the log; then a later commit or Close does the rest.
		t.Script(`PRAGMA wal_checkpoint(PASSIVE)`)
		after, _, err = size(t)
		return cmp.Or(t.Err(), err)
	})
	w.bare = true // VACUUM cannot run in a transaction
	err = db.named(db.writer.do(w))
	return before, after, err
}

// Checkpoint implements storage.Storage.
func (db *DB) Checkpoint(ctx context.Context, study int64, number int) (storage.Checkpoint, error) {
	c, err := db.store.Checkpoint(ctx, study, number)
	db.noteCheckpoint(&c)
	return c, err
}

// Write implements storage.Storage.
func (db *DB) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	// The flag is only a hint to look for room when a trial ends, so it may be set too early.
	db.noteCheckpoint(u.Checkpoint)
	err := db.store.Write(ctx, study, number, u)
	if err == nil && u.State.Finished() && db.large.Load() {
		// After the commit, because VACUUM cannot run in a transaction.
		db.giveBack(ctx)
	}
	return err
}

// Delete implements storage.Storage.
func (db *DB) Delete(ctx context.Context, study int64) error {
	err := db.store.Delete(ctx, study)
	if err == nil {
		db.giveBack(ctx)
	}
	return err
}

// noteCheckpoint remembers that there was a checkpoint whose room is worth giving
// back.
func (db *DB) noteCheckpoint(c *storage.Checkpoint) {
	if c != nil && len(c.Data) >= large {
		db.large.Store(true)
	}
}

// giveBack returns unused space if there is much of it. It ignores errors, because
// the caller's change is already saved.
func (db *DB) giveBack(ctx context.Context) {
	var total, free int64
	err := db.read(ctx, func(t *tx) (err error) {
		total, free, err = size(t)
		return err
	})
	// Half of the file keeps small files of a steady size from being rewritten again and
	// again.
	if err == nil && free >= muchRoom && free > total/2 {
		_, _, _ = db.vacuum(ctx) // a later trial will try again
	}
}
