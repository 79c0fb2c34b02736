package sqlite

import _ "embed"

// The rules that a query can tell, each one SELECT: the name of the study, the
// number of the trial, what is wrong.

//go:embed check_optuna.sql
var optunaRules string

//go:embed check_bluefin.sql
var bluefinRules string
