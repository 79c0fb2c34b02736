// Package optuna serves a storage to Optuna's workers: optuna.StorageService, the gRPC service that
// Optuna's GrpcStorageProxy calls.
//
// A client sees what it would see with RDBStorage on the same database, and gets the same
// exceptions: the status codes are those of Optuna's own proxy server. Trials have their IDs of
// Optuna's tables, and times are in the local time of the server, as from Optuna's server.
//
// Three things differ. Values that would make a study unreadable for others are refused with
// INVALID_ARGUMENT: an empty study name, a COMPLETE trial without a value for each objective, values
// of a trial that has none in that state, a negative step, a constraint that is NaN. A trial that is
// put back to WAITING loses its intermediate values, as when a Bluefin worker gives it back. And
// constraints have one form: those named 0 to n-1 are the list that Optuna's samplers write, others
// have an attribute each.
//
// The protocol has no heartbeats, so a trial whose client died stays RUNNING; FailSilent ends such
// trials.
package optuna
