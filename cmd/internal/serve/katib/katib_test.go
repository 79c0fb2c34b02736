package katib

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// served starts a server and returns a connection to it, and what ends it.
func served(t testing.TB, o Options) (*grpc.ClientConn, context.CancelFunc) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MaxMessage = max(o.MaxMessage, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, o) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return conn, cancel
}

func spec(algorithm string, settings map[string]string, params ...*pb.ParameterSpec) *pb.Experiment {
	a := &pb.AlgorithmSpec{AlgorithmName: algorithm}
	for name, value := range settings {
		a.AlgorithmSettings = append(a.AlgorithmSettings, &pb.AlgorithmSetting{Name: name, Value: value})
	}
	return &pb.Experiment{Name: "test", Spec: &pb.ExperimentSpec{
		ParameterSpecs: &pb.ExperimentSpec_ParameterSpecs{Parameters: params}, Algorithm: a, MaxTrialCount: 50,
		Objective: &pb.ObjectiveSpec{Type: pb.ObjectiveType_MINIMIZE, ObjectiveMetricName: "loss"}}}
}

func double(name, low, high string, d pb.Distribution) *pb.ParameterSpec {
	return &pb.ParameterSpec{Name: name, ParameterType: pb.ParameterType_DOUBLE,
		FeasibleSpace: &pb.FeasibleSpace{Min: low, Max: high, Distribution: d}}
}

func whole(name, low, high, step string, d pb.Distribution) *pb.ParameterSpec {
	return &pb.ParameterSpec{Name: name, ParameterType: pb.ParameterType_INT,
		FeasibleSpace: &pb.FeasibleSpace{Min: low, Max: high, Step: step, Distribution: d}}
}

func listed(name string, kind pb.ParameterType, list ...string) *pb.ParameterSpec {
	return &pb.ParameterSpec{Name: name, ParameterType: kind, FeasibleSpace: &pb.FeasibleSpace{List: list}}
}

// mixed has every kind of parameter.
func mixed() []*pb.ParameterSpec {
	return []*pb.ParameterSpec{
		double("lr", "1e-4", "1", pb.Distribution_LOG_UNIFORM), double("x", "-5", "5", 0), whole("n", "1", "8", "", 0),
		listed("opt", pb.ParameterType_CATEGORICAL, "sgd", "adam"), listed("size", pb.ParameterType_DISCRETE, "64", "8", "16.5")}
}

// A controller does what Katib's does: it keeps the trials, in an order that means nothing, and sends all.
type controller struct {
	client     pb.SuggestionClient
	experiment *pb.Experiment
	trials     []*pb.Trial
	clock      time.Time
	labels     bool
	suggested  int
}

func newController(conn *grpc.ClientConn, e *pb.Experiment) *controller {
	return &controller{client: pb.NewSuggestionClient(conn), experiment: e, labels: true,
		clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// now is a second later each time, in Katib's form.
func (c *controller) now() string {
	c.clock = c.clock.Add(time.Second)
	return c.clock.Format("2006-01-02T15:04:05Z")
}

func (c *controller) request(n int) *pb.GetSuggestionsRequest {
	r := &pb.GetSuggestionsRequest{Experiment: c.experiment, Trials: slices.Clone(c.trials),
		CurrentRequestNumber: int32(n), TotalRequestNumber: int32(c.suggested + n)}
	rand.Shuffle(len(r.Trials), func(i, j int) { r.Trials[i], r.Trials[j] = r.Trials[j], r.Trials[i] })
	return r
}

// ask returns n trials that run.
func (c *controller) ask(t testing.TB, n int) []*pb.Trial {
	t.Helper()
	reply, err := c.client.GetSuggestions(t.Context(), c.request(n))
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.ParameterAssignments) != n {
		t.Fatalf("got %d suggestions, want %d", len(reply.ParameterAssignments), n)
	}
	var some []*pb.Trial
	for _, a := range reply.ParameterAssignments {
		one := &pb.Trial{Name: fmt.Sprintf("test-%06x", rand.IntN(1<<24)),
			Spec: &pb.TrialSpec{Objective: c.experiment.Spec.Objective,
				ParameterAssignments: &pb.TrialSpec_ParameterAssignments{Assignments: a.Assignments}},
			Status: &pb.TrialStatus{Condition: pb.TrialStatus_RUNNING, StartTime: c.now()}}
		if c.labels {
			one.Spec.Labels = a.Labels
		}
		some = append(some, one)
	}
	c.suggested += n
	c.trials = append(c.trials, some...)
	return some
}

func (c *controller) tell(one *pb.Trial, condition pb.TrialStatus_TrialConditionType, value string) {
	one.Status.Condition, one.Status.CompletionTime = condition, c.now()
	if value != "" {
		one.Status.Observation = &pb.Observation{Metrics: []*pb.Metric{
			{Name: "other", Value: "7"}, {Name: "loss", Value: value}}}
	}
}

func assigned(one *pb.Trial) map[string]string {
	values := map[string]string{}
	for _, a := range one.Spec.ParameterAssignments.Assignments {
		values[a.Name] = a.Value
	}
	return values
}

// loss is a function of what Katib substitutes.
func loss(values map[string]string) float64 {
	lr, _ := strconv.ParseFloat(values["lr"], 64)
	x, _ := strconv.ParseFloat(values["x"], 64)
	n, _ := strconv.Atoi(values["n"])
	size, _ := strconv.ParseFloat(values["size"], 64)
	sum := math.Pow(math.Log10(lr)+2, 2) + x*x + math.Abs(float64(n-5)) + math.Abs(math.Log(size/16))
	if values["opt"] == "sgd" {
		sum++
	}
	return sum
}

func TestASearchThroughTheServiceEqualsOneInProcess(t *testing.T) {
	conn, _ := served(t, Options{})
	dims := []space.Dimension{
		{Name: "lr", Dist: space.Float{Low: 1e-4, High: 1, Log: true}}, {Name: "x", Dist: space.Float{Low: -5, High: 5}},
		{Name: "n", Dist: space.Int{Low: 1, High: 8}}, {Name: "opt", Dist: space.Categorical{Choices: []any{"sgd", "adam"}}},
		{Name: "size", Dist: space.Int{Low: 0, High: 2}}}
	for algorithm, own := range map[string]string{"random": "random", "tpe": "tpe", "multivariate-tpe": "tpe",
		"cmaes": "cmaes", "sobol": "qmc", "bayesianoptimization": "gp", "auto": "auto", "cmaes-bipop": "cmaes-bipop"} {
		for _, labels := range []bool{true, false} {
			if algorithm != "tpe" && algorithm != "cmaes" && !labels {
				continue
			}
			c := newController(conn, spec(algorithm, map[string]string{"random_state": "7"}, mixed()...))
			c.labels = labels
			sampler, seed, err := choose.Sampler(own, nil, 50, 7)
			if err != nil {
				t.Fatal(err)
			}
			s, err := study.Open(t.Context(), study.Config{Sampler: sampler, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			for number := range 50 {
				got := c.ask(t, 1)[0]
				want, err := s.Ask(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range dims {
					suggest(want, d)
				}
				values := assigned(got)
				for name, v := range want.Params() {
					text := fmt.Sprint(v)
					switch name {
					case "size":
						text = []string{"8", "16.5", "64"}[v.(int)]
					case "lr", "x":
						text = strconv.FormatFloat(v.(float64), 'g', -1, 64)
					}
					if values[name] != text {
						t.Fatalf("%s, trial %d: the service suggests %s = %s, the study %s", algorithm, number, name, values[name], text)
					}
				}
				y := loss(values)
				c.tell(got, pb.TrialStatus_SUCCEEDED, strconv.FormatFloat(y, 'g', -1, 64))
				if _, err := s.Tell(t.Context(), want, y); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func suggest(t *study.Trial, d space.Dimension) {
	switch dist := d.Dist.(type) {
	case space.Float:
		study.Suggest(t, d.Name, dist)
	case space.Int:
		study.Suggest(t, d.Name, dist)
	case space.Categorical:
		study.Suggest(t, d.Name, dist)
	}
}
