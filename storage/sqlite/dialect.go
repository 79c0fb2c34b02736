package sqlite

import "github.com/bluefin-hpo/bluefin/storage/internal/rdb"

// dialect is the SQL that only SQLite has. Writers need no locks: one writes at a time.
var dialect = rdb.Dialect{
	Clock:   `unixepoch('now', 'subsec')`,
	Stale:   `unixepoch(h.heartbeat) < unixepoch('now', 'subsec') - ?`,
	InIDs:   `IN (SELECT value FROM json_each(?))`,
	InTexts: `IN (SELECT value FROM json_each(?))`,
	NextStudy: `(SELECT max(id, coalesce((SELECT max(study_id) FROM studies), 0)) + 1
		FROM bluefin_deleted WHERE kind = 'study')`,
	NextTrial: nextTrial,
	Trials: func(t *tx, n int) ([]int64, error) {
		var first int64
		err := t.Get(&first, `SELECT `+nextTrial)
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = first + int64(i)
		}
		return ids, err
	},
	Corrupt: ErrCorrupt,
}

// nextTrial is an id that no trial ever had: others may still hold the ids of deleted ones.
const nextTrial = `(SELECT max(id, coalesce((SELECT max(trial_id) FROM trials), 0)) + 1
	FROM bluefin_deleted WHERE kind = 'trial')`
