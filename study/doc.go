// Package study is the engine: it asks a sampler for parameters, runs an objective, reports to a
// pruner, and saves every step of every trial as it happens.
//
// The shortest search runs in memory:
//
//	best, err := study.Minimize(ctx, func(t *study.Trial) (float64, error) {
//		x := t.Float("x", -10, 10)
//		return (x - 2) * (x - 2), nil
//	}, 100)
//
// Open a study to store it, and to choose its sampler and pruner:
//
//	file, err := sqlite.Open(ctx, "digits.db", sqlite.Options{})
//	s, err := study.Open(ctx, study.Config{Name: "digits", Storage: file, Pruner: pruner.Median{}})
//	err = s.Optimize(ctx, objective, study.Budget{Trials: 100, Workers: 4})
//	best, err := s.Best(ctx)
//
// Each of these has an example, in example*_test.go beside the code:
//
//   - Resuming: Budget.Trials is a total, so running a killed program again resumes its search.
//     Trial.Checkpoint and Trial.Resume do the same for the training within a trial. Several
//     processes may work on one study.
//   - Suggesting: Trial.Float, Int and so on; Choose for choices of any type; Suggest for steps.
//     A parameter may depend on others: a trial has it if the objective suggests it. Config.Space
//     declares parameters up front.
//   - Ending early: Budget has a Target, a Timeout and NoImprovement. The hooks of Config see each
//     start, report and end, and may call Study.Stop.
//   - Ask and Tell: Study.Ask returns a trial and Study.Tell ends it, for a loop of your own.
//     AskDetached, ReportNumber, ShouldPrune and TellNumber do so across processes.
//   - Testing: Fixed makes a trial with given parameters.
package study
