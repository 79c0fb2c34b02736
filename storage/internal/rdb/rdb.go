// Package rdb holds what the storages in relational databases share: it reads and writes Optuna's
// tables and Bluefin's in transactions. Each database supplies the transactions and its own few
// pieces of SQL.
package rdb

import "context"

// A DB implements storage.Viewer except Await and Close, which depend on the database.
type DB struct {
	read    Transact
	write   Transact
	where   string // the database, for messages
	orphans orphans
}

// Transact runs a function in a transaction and commits it unless the function fails. It may run the
// function again after a failed commit.
type Transact func(context.Context, func(*Tx) error) error

// New returns a DB. A read transaction sees one state of the database. Write transactions of a study
// may overlap until one locks it. where names the database in messages.
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

	Corrupt error // matches errors about values that no program may write
}
