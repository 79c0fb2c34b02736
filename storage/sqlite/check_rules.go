package sqlite

import _ "embed"

// The rules that SQL can check. Each is one SELECT that returns findings: the
// name of the study, the number of the trial, a text.

//go:embed check_optuna.sql
var optunaRules string

//go:embed check_bluefin.sql
var bluefinRules string
