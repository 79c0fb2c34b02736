package postgres

import "github.com/bluefin-hpo/bluefin/storage/internal/rdb"

// dialect is the SQL that only PostgreSQL has.
var dialect = rdb.Dialect{
	// Not now(), which is when the transaction started: it may have waited for a lock.
	Clock: `extract(epoch FROM clock_timestamp())::float8`,
	// Optuna writes the time of the session, without its zone, and reads it like that.
	Stale:     `h.heartbeat < localtimestamp - make_interval(secs => ?)`,
	InIDs:     `IN (SELECT value::int FROM json_array_elements_text(CAST(? AS json)))`,
	InTexts:   `IN (SELECT value FROM json_array_elements_text(CAST(? AS json)))`,
	NextStudy: `nextval(pg_get_serial_sequence('studies', 'study_id'))`,
	NextTrial: `nextval(pg_get_serial_sequence('trials', 'trial_id'))`,
	Trials: func(t *rdb.Tx, n int) (ids []int64, err error) {
		// Others may take some in between; the order is what counts.
		err = t.List(&ids, `SELECT nextval(pg_get_serial_sequence('trials', 'trial_id')) FROM generate_series(1, ?)`, n)
		return ids, err
	},
	// As Optuna does when it gives a trial its number.
	LockStudy: `SELECT 1 FROM studies WHERE study_id = ? FOR UPDATE`,
	ForUpdate: ` FOR UPDATE`,
	SkipLocks: ` FOR UPDATE SKIP LOCKED`,
	Corrupt:   ErrCorrupt,
}
