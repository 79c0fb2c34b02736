// Package sampler chooses what to try next: one struct for each algorithm, whose fields are its
// settings and whose zero value is the documented default. docs/samplers.md says when to use which.
//
// A custom sampler is a type with one method, Sample; example_test.go has a complete one. To draw
// several parameters at once, add SampleJoint; see JointSampler. Package samplertest checks the
// rules that the engine relies on:
//
//   - The same request gets the same answer, from any goroutine and in any order. Whatever a
//     sampler keeps between calls is a cache of what follows from the history.
//   - All randomness comes from the request.
//   - Every value is one of its distribution. Work in the unit interval: space.Dist's Unit maps a
//     value to [0, 1], and Value maps any number back to a valid value, clamped to the range.
//     Ranges may change between trials, and a trial need not have every parameter.
//   - Methods do not change the history, and are safe for concurrent use.
//   - Only wrong settings are errors: an error ends the search.
//
// # What the engine guarantees
//
//   - SampleJoint is called once per trial, before Sample and only if the objective suggests a
//     parameter with more than one value. Sample draws whatever SampleJoint omits or returns out
//     of range. Neither is called for queued values and for parameters with a single value.
//   - The history of a trial is fixed when it starts. A later history of the study has the same
//     finished trials, by pointer, and then more. So len(History.Finished()) is a cursor, and a
//     sampler can resume from what it has cached for a shorter history.
//   - A history never changes, and neither do its finished trials.
//   - Rand is a function of the study's seed, the trial's number and the parameter's name. A draw
//     that depends on nothing else, as Random's does, is the same with any number of workers.
//   - Request.Running is recorded with the trial if it is called, so Study.Replay can repeat draws
//     that depend on what ran in parallel.
package sampler
