// Package rdb is what storages in relational databases share: Optuna's tables and
// Bluefin's, read and written in transactions. A database brings the transactions
// and the few pieces of SQL that are its own.
package rdb

import "context"

// A DB implements storage.Viewer but for Await and Close, which need to know the
// database.
type DB struct {
	read    Transact
	write   Transact
	where   string // the database, for messages
	orphans orphans
}

// Transact runs a function in a transaction, which it commits unless the function
// fails. A function may be run again after a commit that failed.
type Transact func(context.Context, func(*Tx) error) error

// New returns a DB. A transaction of read sees one state of the database, and
// where names the database in messages. A transaction of write may start before
// others of the same study end, until it locks the study.
func New(read, write Transact, where string) *DB {
	return &DB{read: read, write: write, where: where}
}

// A Dialect is the SQL in which databases differ.
type Dialect struct {
	Clock     string // the time in seconds since 1970, on the clock of the database, with a fraction
	Stale     string // whether the heartbeat h.heartbeat is older than ? seconds
	InIDs     string // a condition on an integer: it is in the JSON list ?
	InTexts   string // the same for a text
	NextStudy string // an id that no study ever had
	NextTrial string // an id that no trial ever had, larger than all others of its study

	// Trials returns n increasing ids that no trial ever had.
	Trials func(t *Tx, n int) ([]int64, error)

	LockStudy string // a statement that locks the row of study ?; "": transactions of writers follow each other
	ForUpdate string // the end of a query for rows that will be changed
	SkipLocks string // the same, but without rows that other writers have locked

	Corrupt error // matched by errors about values that no program may write
}
