package katib

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestParallelSuggestionsDifferAndARetryGetsTheSame(t *testing.T) {
	conn, _ := served(t, Options{})
	for _, algorithm := range []string{"tpe", "cmaes", "bayesianoptimization", "sobol", "random", "auto"} {
		c := newController(conn, spec(algorithm, nil, mixed()...))
		for range 6 {
			// The first attempt's answer is lost, and the trials come in another order.
			first, err := c.client.GetSuggestions(t.Context(), c.request(4))
			if err != nil {
				t.Fatal(err)
			}
			some := c.ask(t, 4)
			seen := map[string]bool{}
			for i, one := range some {
				a := one.Spec.ParameterAssignments.Assignments
				if !slices.EqualFunc(a, first.ParameterAssignments[i].Assignments,
					func(a, b *pb.ParameterAssignment) bool { return proto.Equal(a, b) }) {
					t.Fatalf("%s: a retry suggests %v, want %v", algorithm, a, first.ParameterAssignments[i].Assignments)
				}
				seen[fmt.Sprint(a)] = true
			}
			if len(seen) != 4 {
				t.Errorf("%s: four parallel suggestions have %d different values: %v", algorithm, len(seen), seen)
			}
			for i, one := range some[:3] { // one keeps running
				c.tell(one, pb.TrialStatus_SUCCEEDED, strconv.FormatFloat(loss(assigned(one))+float64(i), 'g', -1, 64))
			}
		}
	}
}

func TestConditionsOfTrials(t *testing.T) {
	x, err := parse(spec("tpe", nil, double("x", "0", "1", 0)))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		condition pb.TrialStatus_TrialConditionType
		value     string
		state     trial.State
		params    bool
	}{
		{pb.TrialStatus_CREATED, "", trial.Running, true},
		{pb.TrialStatus_RUNNING, "3", trial.Running, true},
		{pb.TrialStatus_SUCCEEDED, "0.25", trial.Complete, true},
		{pb.TrialStatus_SUCCEEDED, "-Inf", trial.Complete, true},
		{pb.TrialStatus_SUCCEEDED, "nan", trial.Failed, true}, // it diverged
		{pb.TrialStatus_SUCCEEDED, "", trial.Failed, false},   // nothing is known
		{pb.TrialStatus_SUCCEEDED, "unavailable", trial.Failed, false},
		{pb.TrialStatus_EARLYSTOPPED, "0.5", trial.Pruned, true},
		{pb.TrialStatus_EARLYSTOPPED, "", trial.Pruned, true},
		{pb.TrialStatus_FAILED, "", trial.Failed, true},
		{pb.TrialStatus_KILLED, "", trial.Failed, false},
		{pb.TrialStatus_METRICSUNAVAILABLE, "", trial.Failed, false},
		{pb.TrialStatus_UNKNOWN, "", trial.Failed, false},
		{99, "", trial.Failed, false},
	} {
		one := &pb.Trial{Name: "a", Spec: &pb.TrialSpec{ParameterAssignments: &pb.TrialSpec_ParameterAssignments{
			Assignments: []*pb.ParameterAssignment{{Name: "x", Value: "0.5"}}}},
			Status: &pb.TrialStatus{Condition: test.condition}}
		if test.value != "" {
			one.Status.Observation = &pb.Observation{Metrics: []*pb.Metric{{Name: "other", Value: "9"}, {Name: "loss", Value: test.value}}}
		}
		p, err := x.history([]*pb.Trial{one}, 3)
		if err != nil {
			t.Errorf("%v: %v", test.condition, err)
			continue
		}
		i := slices.IndexFunc(p.trials, func(t *trial.Trial) bool { return t.Number == 0 })
		got := p.trials[i]
		if got.State != test.state || (len(got.Params) == 1) != test.params || len(p.trials) != 3 {
			t.Errorf("%v, loss %q: got %v with %d parameters among %d trials, want %v, parameters: %v, 3 trials",
				test.condition, test.value, got.State, len(got.Params), len(p.trials), test.state, test.params)
		}
		if v, err := strconv.ParseFloat(test.value, 64); err == nil && got.State != trial.Running && !math.IsNaN(v) &&
			got.Values[0] != v {
			t.Errorf("%v, loss %q: got the value %v", test.condition, test.value, got.Values)
		}
	}
}

// A killed trial or one without metrics takes a number, so that later suggestions do not repeat earlier ones.
func TestTrialsThatKatibLeavesOutTakeNumbers(t *testing.T) {
	conn, _ := served(t, Options{})
	for _, labels := range []bool{true, false} {
		c := newController(conn, spec("random", nil, double("x", "0", "1", 0)))
		c.labels = labels
		seen := map[string]bool{}
		for range 10 {
			for _, one := range c.ask(t, 2) {
				seen[assigned(one)["x"]] = true
			}
			c.trials = c.trials[:len(c.trials)-1] // its metrics are unavailable
			c.tell(c.trials[len(c.trials)-1], pb.TrialStatus_SUCCEEDED, "1")
		}
		if len(seen) != 20 {
			t.Errorf("20 suggestions have %d values", len(seen))
		}
	}
}

func TestAGridIsTriedOnceAndThenAgain(t *testing.T) {
	conn, _ := served(t, Options{})
	e := spec("grid", map[string]string{"random_state": "3"},
		whole("n", "1", "5", "2", pb.Distribution_LOG_UNIFORM),
		&pb.ParameterSpec{Name: "x", ParameterType: pb.ParameterType_DOUBLE,
			FeasibleSpace: &pb.FeasibleSpace{Min: "0.1", Max: "0.35", Step: "0.1"}},
		listed("opt", pb.ParameterType_CATEGORICAL, "a", "b"))
	e.Spec.MaxTrialCount = 18
	c := newController(conn, e)
	if _, err := c.client.ValidateAlgorithmSettings(t.Context(), &pb.ValidateAlgorithmSettingsRequest{Experiment: e}); err != nil {
		t.Error(err)
	}
	seen := map[string]int{}
	for range 9 {
		for _, one := range c.ask(t, 4) {
			seen[fmt.Sprint(assigned(one))]++
			c.tell(one, pb.TrialStatus_SUCCEEDED, "1")
		}
	}
	if len(seen) != 18 || seen["map[n:5 opt:b x:0.3]"] != 2 {
		t.Errorf("36 trials of a grid of 18 tried %v, want each twice", seen)
	}
	e.Spec.MaxTrialCount = 19
	_, err := c.client.ValidateAlgorithmSettings(t.Context(), &pb.ValidateAlgorithmSettingsRequest{Experiment: e})
	want := "max trial count is 19, want at most the combinations of the grid: 3 × 3 × 2 = 18"
	if status.Code(err) != codes.InvalidArgument || status.Convert(err).Message() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// same reports whether a text read back is the same, up to rounding for a continuous shape.
func same(p param, a, b string) bool {
	if p.shape == nil || p.shape.step > 0 {
		return a == b
	}
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return math.Abs(p.shape.unit(x)-p.shape.unit(y)) < 1e-9
}

// quantiles draws parameters many times and returns some of the sorted values.
func quantiles(t *testing.T, p *pb.ParameterSpec, at ...float64) []float64 {
	t.Helper()
	params, err := parameters([]*pb.ParameterSpec{p}, false)
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	const n = 20_000
	for i := range n {
		x := params[0].Dist.Value((float64(i) + 0.5) / n)
		text := params[0].text(x)
		back, err := params[0].internal(text)
		if err != nil {
			t.Fatalf("%q does not read back: %v", text, err)
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if !same(params[0], params[0].text(back), text) {
			t.Fatalf("%q reads back as %q", text, params[0].text(back))
		}
		all = append(all, v)
	}
	slices.Sort(all)
	var some []float64
	for _, q := range at {
		some = append(some, all[min(int(q*n), n-1)])
	}
	return some
}

func TestDistributionsAreThoseOfKatib(t *testing.T) {
	at := []float64{0, 0.1587, 0.5, 0.8413, 1}
	step := func(p *pb.ParameterSpec, step string) *pb.ParameterSpec {
		p.FeasibleSpace.Step = step
		return p
	}
	for _, test := range []struct {
		p    *pb.ParameterSpec
		want []float64 // at the mean ± one deviation, and the ends
		near float64
	}{
		{double("x", "-6", "6", pb.Distribution_UNIFORM), []float64{-6, -4.1, 0, 4.1, 6}, 0.1},
		{double("x", "-6", "6", pb.Distribution_NORMAL), []float64{-6, -2, 0, 2, 6}, 0.1},
		{double("x", "1", "1e6", pb.Distribution_LOG_NORMAL), []float64{1, 100, 1000, 10000, 1e6}, 0.05},
		{double("x", "1", "1e6", pb.Distribution_LOG_UNIFORM), []float64{1, 8.9, 1000, 112000, 1e6}, 0.05},
		{step(double("x", "1", "11", pb.Distribution_LOG_UNIFORM), "2.5"), []float64{1, 1, 3.5, 8.5, 11}, 0},
		{step(double("x", "0", "0.6", pb.Distribution_NORMAL), "0.1"), []float64{0, 0.2, 0.3, 0.4, 0.6}, 0},
		{whole("n", "1", "5", "2", pb.Distribution_LOG_UNIFORM), []float64{1, 1, 3, 3, 5}, 0},
		{whole("n", "1", "1000", "", pb.Distribution_LOG_UNIFORM), []float64{1, 2, 22, 299, 1000}, 0.2},
		{whole("n", "-30", "30", "", pb.Distribution_NORMAL), []float64{-30, -10, 0, 10, 30}, 0.1},
		{whole("n", "4", "4", "", pb.Distribution_LOG_NORMAL), []float64{4, 4, 4, 4, 4}, 0},
		{listed("d", pb.ParameterType_DISCRETE, "1e3", "-2", "0.5"), []float64{-2, -2, 0.5, 1000, 1000}, 0},
	} {
		got := quantiles(t, test.p, at...)
		for i, want := range test.want {
			if math.Abs(got[i]-want) > test.near*math.Max(1, math.Abs(want)) {
				t.Errorf("%v: the quantiles are %v, want %v", test.p, got, test.want)
				break
			}
		}
	}
}

// The cases of Katib's own services, and those that they do not check.
func TestWrongExperimentsAreRefusedWithTheReason(t *testing.T) {
	conn, _ := served(t, Options{})
	client := pb.NewSuggestionClient(conn)
	x, n := double("x", "0", "1", 0), whole("n", "1", "5", "", 0)
	set := func(name, value string) map[string]string { return map[string]string{name: value} }
	feasible := func(p *pb.ParameterSpec, change func(f *pb.FeasibleSpace)) *pb.ParameterSpec {
		p = proto.Clone(p).(*pb.ParameterSpec)
		change(p.FeasibleSpace)
		return p
	}
	huge := strings.Repeat("ü", 300_000)
	many := make([]*pb.ParameterSpec, 501)
	for i := range many {
		many[i] = double(fmt.Sprint("x", i), "0", "1", 0)
	}
	words := make([]string, 2001)
	for i := range words {
		words[i] = fmt.Sprint(i)
	}
	for _, test := range []struct {
		e    *pb.Experiment
		want string // "": valid
	}{
		{spec("tpe", map[string]string{"n_startup_trials": "5", "n_ei_candidates": "24", "random_state": "1"}, x), ""},
		{spec("multivariate-tpe", set("n_startup_trials", "0"), x), ""},
		{spec("cmaes", map[string]string{"restart_strategy": "ipop", "sigma": "0.1", "random_state": "10"}, x, n), ""},
		{spec("cmaes", set("restart_strategy", "None"), x, n), ""},
		{spec("bayesianoptimization", map[string]string{"base_estimator": "GP", "n_initial_points": "10",
			"acq_func": "gp_hedge", "acq_optimizer": "auto", "random_state": "1"}, x), ""},
		{spec("sobol", nil, x), ""},
		{spec("gp", set("deterministic_objective", "true"), x), ""},
		{spec("qmc", set("qmc_type", "halton"), x), ""},
		{nil, "the request has no experiment with a spec"},
		{&pb.Experiment{}, "the request has no experiment with a spec"},
		{spec("hyperband", nil, x), `algorithm is "hyperband", want one of random, tpe, multivariate-tpe, cmaes, sobol, ` +
			`grid, bayesianoptimization, auto, tpe-independent, cmaes-ipop, cmaes-bipop, gp, nsga2, nsga3, qmc, priorband, bruteforce`},
		{spec(huge, nil, x), `algorithm is "` + strings.Repeat("ü", 100) + `", want one of random`},
		{spec("tpe", set("invalid", "5"), x), `algorithm tpe: tpe has no setting "invalid", want one of group, `},
		{spec("tpe", set("n_startup_trials", "-1"), x),
			`algorithm tpe: n_startup_trials is "-1", want a whole number of at least 0`},
		{spec("tpe", set("n_ei_candidates", "0"), x), `n_ei_candidates is "0", want a whole number of at least 1`},
		{spec("tpe", set("random_state", "-1"), x), `random_state is "-1", want a whole number of at least 0`},
		{spec("tpe", set("random_state", "1e3"), x), `random_state is "1e3", want a whole number of at least 0`},
		{spec("tpe", set("sigma", "1"), x), `tpe has no setting "sigma"`},
		{spec("cmaes", set("restart_strategy", "invalid"), x, n), `restart_strategy is "invalid", want none or None or ipop or bipop`},
		{spec("cmaes", set("sigma", "-10"), x, n), `sigma is "-10", want a number from 0 to 10`},
		{spec("cmaes", set("sigma", "nan"), x, n), `sigma is "nan", want a number from 0 to 10`},
		{spec("cmaes", nil, x, listed("c", pb.ParameterType_DISCRETE, "1", "2")),
			"the experiment has 1 parameters of type double or int, want at least 2"},
		{spec("random", set("x", "y"), x), `algorithm random: random has no setting "x"`},
		{spec("grid", set("x", "y"), n), `algorithm grid has no setting "x", want random_state`},
		{spec("grid", nil, x), `parameter "x" has infinitely many values, want a step for algorithm grid`},
		{spec("bruteforce", nil, x), `parameter "x" has infinitely many values, want a step for algorithm bruteforce`},
		{spec("grid", nil, listed("c", pb.ParameterType_CATEGORICAL, words...)), "2001 values, want at most 2000 for algorithm grid"},
		{spec("bayesianoptimization", set("base_estimator", "RF"), x), `base_estimator is "RF", want GP`},
		{spec("bayesianoptimization", set("acq_func", "PI"), x), `acq_func is "PI", want EI or gp_hedge`},
		{spec("random", nil), "the experiment has no parameters, want at least one"},
		{spec("random", nil, many...), "the experiment has 501 parameters, want at most 500"},
		{spec("random", nil, x, x), "x"},
		{spec("random", nil, double("", "0", "1", 0)), "name"},
		{spec("random", nil, double(huge, "0", "1", 0)), "has 600000 bytes, want at most 512"},
		{spec("random", nil, &pb.ParameterSpec{Name: "x"}),
			`parameter "x": parameter type is UNKNOWN_TYPE, want DOUBLE, INT, DISCRETE or CATEGORICAL`},
		{spec("random", nil, &pb.ParameterSpec{Name: "x", ParameterType: 17}), `parameter type is 17, want DOUBLE`},
		{spec("random", nil, double("x", "1", "0", 0)), `parameter "x": min is "1", want at most max, which is "0"`},
		{spec("random", nil, double("x", "", "1", 0)), `parameter "x": min is "", want a finite number`},
		{spec("random", nil, double("x", "NaN", "1", 0)), `parameter "x": min is "NaN", want a finite number`},
		{spec("random", nil, double("x", "0", "inf", 0)), `parameter "x": max is "inf", want a finite number`},
		{spec("random", nil, double("x", "0", huge, 0)), `parameter "x": max is "`},
		{spec("random", nil, double("x", "0", "1", pb.Distribution_LOG_UNIFORM)), `min is "0", want above 0 for LOG_UNIFORM`},
		{spec("random", nil, double("x", "0", "1", 9)), `distribution is 9, want uniform, logUniform, normal or logNormal`},
		{spec("random", nil, whole("n", "1.5", "3", "", 0)), `min is "1.5", want a whole number within ±2^53`},
		{spec("random", nil, whole("n", "1", "99999999999999999999", "", 0)), `want a whole number within ±2^53`},
		{spec("random", nil, whole("n", "1", "3", "0", 0)), `step is "0", want a number above 0`},
		{spec("random", nil, feasible(x, func(f *pb.FeasibleSpace) { f.Step = "-1" })), `step is "-1", want a number above 0`},
		{spec("random", nil, feasible(x, func(f *pb.FeasibleSpace) { f.List = []string{"1"} })), "it has a list of 1 values, want min and max"},
		{spec("random", nil, listed("d", pb.ParameterType_DISCRETE)), "its list is empty, want at least one number"},
		{spec("random", nil, listed("d", pb.ParameterType_DISCRETE, "1", "x")), `a value of the list is "x", want a finite number`},
		{spec("random", nil, listed("d", pb.ParameterType_DISCRETE, "1", "1.0")), `twice, want each number once`},
		{spec("random", nil, listed("c", pb.ParameterType_CATEGORICAL)), `parameter "c": `},
		{spec("random", nil, listed("c", pb.ParameterType_CATEGORICAL, "a", "a")), `parameter "c": `},
		{spec("random", nil, listed("c", pb.ParameterType_CATEGORICAL, make([]string, 10_001)...)), `its list has 10001 values, want at most 10000`},
	} {
		_, err := client.ValidateAlgorithmSettings(t.Context(), &pb.ValidateAlgorithmSettingsRequest{Experiment: test.e})
		message := status.Convert(err).Message()
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test.e.GetSpec().GetAlgorithm(), err)
		case test.want == "":
		case status.Code(err) != codes.InvalidArgument || !strings.Contains(message, test.want):
			t.Errorf("got %v, want %s", err, test.want)
		case len(message) > 1500 || strings.Contains(message, "\n"):
			t.Errorf("the message has %d bytes: %.200s", len(message), message)
		}
	}
	e := spec("random", nil, x)
	e.Spec.Objective = nil
	if _, err := client.ValidateAlgorithmSettings(t.Context(), &pb.ValidateAlgorithmSettingsRequest{Experiment: e}); err == nil ||
		status.Convert(err).Message() != "objective type is UNKNOWN, want MINIMIZE or MAXIMIZE" {
		t.Errorf("without an objective: %v", err)
	}
}

func TestWrongHistoriesAreRefusedWithTheReason(t *testing.T) {
	conn, _ := served(t, Options{MaxMessage: 8 << 20})
	c := newController(conn, spec("random", nil, whole("n", "1", "5", "", 0)))
	one := func(change func(*pb.Trial)) *pb.GetSuggestionsRequest {
		ok := &pb.Trial{Name: "a", Spec: &pb.TrialSpec{ParameterAssignments: &pb.TrialSpec_ParameterAssignments{
			Assignments: []*pb.ParameterAssignment{{Name: "n", Value: "3"}}}},
			Status: &pb.TrialStatus{Condition: pb.TrialStatus_SUCCEEDED,
				Observation: &pb.Observation{Metrics: []*pb.Metric{{Name: "loss", Value: "1"}}}}}
		change(ok)
		return &pb.GetSuggestionsRequest{Experiment: c.experiment, Trials: []*pb.Trial{ok}, CurrentRequestNumber: 1}
	}
	assign := func(values ...*pb.ParameterAssignment) *pb.GetSuggestionsRequest {
		return one(func(t *pb.Trial) { t.Spec.ParameterAssignments.Assignments = values })
	}
	numbers := func(current, total int32) *pb.GetSuggestionsRequest {
		return &pb.GetSuggestionsRequest{Experiment: c.experiment, CurrentRequestNumber: current, TotalRequestNumber: total}
	}
	many := numbers(1, 0)
	many.Trials = slices.Repeat([]*pb.Trial{{Status: &pb.TrialStatus{Condition: pb.TrialStatus_KILLED}}}, 1_000_000)
	for _, test := range []struct {
		r    *pb.GetSuggestionsRequest
		want string
	}{
		{&pb.GetSuggestionsRequest{}, "the request has no experiment with a spec"},
		{numbers(-1, 0), "current request number is -1, want 0 to 1000"},
		{numbers(math.MaxInt32, 0), "current request number is 2147483647, want 0 to 1000"},
		{numbers(1, math.MaxInt32), "the experiment has 2147483646 trials, want at most 20000"},
		{many, "the experiment has 1000000 trials, want at most 20000"},
		{assign(&pb.ParameterAssignment{Name: "n", Value: "7"}), `trial "a": parameter "n": invalid: value is 7, want an int in [1, 5]`},
		{assign(&pb.ParameterAssignment{Name: "n", Value: "x"}), `trial "a": parameter "n": value is "x", want a whole number`},
		{assign(&pb.ParameterAssignment{Name: "m", Value: "3"}), `trial "a": parameter "m" is not one of the experiment`},
		{assign(&pb.ParameterAssignment{Name: "n", Value: "3"}, &pb.ParameterAssignment{Name: "n", Value: "3"}),
			`trial "a": parameter "n" is assigned twice`},
		{assign(), `trial "a": parameter "n" is not assigned`},
		{one(func(t *pb.Trial) { t.Status.Observation.Metrics[0].Value = "good" }), `trial "a": metric "loss" is "good", want a number`},
		{one(func(t *pb.Trial) { t.Status.StartTime = "today" }), `trial "a": start time is "today", want a time like`},
	} {
		_, err := c.client.GetSuggestions(t.Context(), test.r)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(status.Convert(err).Message(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	// Nothing of that has hurt the service.
	c.ask(t, 0)
	c.ask(t, 3)
}

func TestARequestThatIsTooLargeIsRefused(t *testing.T) {
	conn, _ := served(t, Options{MaxMessage: 1 << 20})
	e := spec("random", nil, listed("c", pb.ParameterType_CATEGORICAL, strings.Repeat("x", 1<<20)))
	_, err := pb.NewSuggestionClient(conn).ValidateAlgorithmSettings(t.Context(), &pb.ValidateAlgorithmSettingsRequest{Experiment: e})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want ResourceExhausted", err)
	}
}

func TestProbesFailOnceTheServiceDrains(t *testing.T) {
	conn, end := served(t, Options{Grace: 10 * time.Second})
	probe := grpc_health_v1.NewHealthClient(conn)
	for _, name := range []string{"", probed} { // Kubernetes asks about "", Katib's probes about the other
		reply, err := probe.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name})
		if err != nil || reply.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: got %v and %v", name, reply, err)
		}
	}
	watch, err := probe.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: probed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	end()
	if reply, err := watch.Recv(); err != nil || reply.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("after the end: got %v and %v", reply, err)
	}
}

// A client that does not wait for its answer must not keep the others waiting, nor leave anything.
func TestClientsThatLeaveCostNothing(t *testing.T) {
	conn, _ := served(t, Options{})
	c := newController(conn, spec("bayesianoptimization", nil, mixed()...))
	for range 60 {
		for _, one := range c.ask(t, 1) {
			c.tell(one, pb.TrialStatus_SUCCEEDED, strconv.FormatFloat(loss(assigned(one)), 'g', -1, 64))
		}
	}
	before := runtime.NumGoroutine()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		c.client.GetSuggestions(ctx, c.request(500))
		cancel()
	}
	began := time.Now()
	c.ask(t, 1)
	took := time.Since(began)
	for wait := 0; runtime.NumGoroutine() > before+5 && wait < 100; wait++ {
		time.Sleep(50 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+5 || took > 20*time.Second {
		t.Errorf("%d goroutines after 20 clients left, %d before; the next one waited %v", n, before, took)
	}
}
