package dashboard

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// A file is the study file, which is opened again when another one has taken its place, or a storage that
// is open already.
type file struct {
	shared storage.Viewer // nil: there is a file
	path   string
	write  bool

	mu     sync.RWMutex // held for reading while db is used
	db     *sqlite.DB   // nil: it could not be opened, or is closed
	info   os.FileInfo  // of db
	stamp  string       // before db was opened
	opened time.Time
	closed bool
}

// openFile opens the file at path, for writing too if wanted.
func openFile(ctx context.Context, path string, write bool) (*file, error) {
	f := &file{path: path, write: write}
	return f, f.reopen(ctx)
}

// open opens the file once more, to read it.
func (f *file) open(ctx context.Context) (db storage.Viewer, closeDB func() error, err error) {
	if f.shared != nil {
		return f.shared, func() error { return nil }, nil
	}
	own, err := sqlite.Open(ctx, f.path, sqlite.Options{ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	return own, own.Close, nil
}

// tracked reports whether a storage that stays open sees what every program changes.
func tracked(db storage.Viewer) bool {
	t, ok := db.(interface{ Tracked() bool })
	return !ok || t.Tracked()
}

// use calls do with the open file. do must be quick: others wait if the file is being replaced.
func (f *file) use(ctx context.Context, do func(storage.Viewer) error) error {
	if f.shared != nil {
		return do(f.shared)
	}
	f.mu.RLock()
	if f.stale() {
		f.mu.RUnlock()
		if err := f.reopen(ctx); err != nil {
			return err
		}
		f.mu.RLock()
	}
	defer f.mu.RUnlock()
	if f.db == nil {
		return fmt.Errorf("study file %s: %w", f.path, os.ErrClosed)
	}
	return do(f.db)
}

// stale reports whether db no longer shows what the path names. The caller holds f.mu.
func (f *file) stale() bool {
	switch {
	case f.closed:
		return false
	case f.db == nil || !sameFile(f.path, f.info):
		return true
	case f.db.Tracked():
		return false
	}
	return time.Since(f.opened) > time.Second && stampOf(f.path) != f.stamp
}

// sameFile reports whether the path still names the file.
func sameFile(path string, info os.FileInfo) bool {
	now, err := os.Stat(path)
	return err == nil && os.SameFile(now, info)
}

// reopen replaces db if that is still necessary.
func (f *file) reopen(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stale() {
		return nil // another request has done it
	}
	if f.db != nil {
		_ = f.db.Close() // what it had read is worth nothing
		f.db = nil
	}
	var err error
	f.stamp, f.opened = stampOf(f.path), time.Now()
	if f.info, err = os.Stat(f.path); err == nil || !f.write {
		f.db, err = sqlite.Open(ctx, f.path, sqlite.Options{ReadOnly: !f.write, MustExist: true})
	}
	return err
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.db == nil {
		return nil
	}
	db := f.db
	f.db = nil
	return db.Close()
}

// stampOf changes when anybody writes to the file.
func stampOf(path string) (stamp string) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			stamp += fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
		}
	}
	return stamp
}

// record returns a study by its ID.
func record(ctx context.Context, db storage.Viewer, id int64) (storage.Study, error) {
	all, err := db.Studies(ctx)
	if err != nil {
		return storage.Study{}, err
	}
	for _, s := range all {
		if s.ID == id {
			return s, nil
		}
	}
	return storage.Study{}, fmt.Errorf("study %d: %w", id, storage.ErrNotExist)
}
