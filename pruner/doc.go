// Package pruner stops trials that are not worth finishing: one struct for each rule, whose fields
// are its settings and whose zero value is Optuna's default. docs/pruners.md says when to use
// which. To prune nothing, set no pruner.
//
// A custom pruner is a type with one method, Prune; example_test.go has a complete one. Package
// prunertest checks the rules that the engine relies on:
//
//   - The verdict depends on the arguments alone. Store per-trial state in Verdict.Attrs, so
//     that another process decides the same.
//   - Prune changes neither the history nor the trial, and is safe for concurrent use.
//   - Only wrong settings are errors: an error ends the search.
//
// # What the engine guarantees
//
//   - Prune is called once for each new report of a running trial, before that report is saved.
//     Calls for the same trial never overlap; calls for different trials may.
//   - A trial of several objectives has its reports in Trial.Curve, with a value for each, and none in
//     Reports.
//   - The trial is a record of this moment. Its reports include the new one, which is the last
//     unless the objective reported an earlier step late. Values may be NaN or infinite.
//   - The trial's SystemAttrs hold the Attrs of all earlier verdicts on it. They are saved in one
//     write with the report, and read back when another process continues the trial.
//   - A trial that starts over has no reports, also in Curve, and no attributes whose names begin with
//     completed_rung_; others stay. A trial that resumes from a checkpoint has the reports, and the
//     attributes with such names, of that time.
//   - The history holds all finished and running trials of the study. The trial itself may be among
//     the running ones, with its reports so far or older ones.
//   - After a verdict with Prune, Report returns study.ErrPruned. The objective passes that on, and
//     the trial ends as Pruned with the last report, unless that is NaN, as its value; of several
//     objectives it has no values.
package pruner
