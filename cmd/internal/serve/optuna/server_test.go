package optuna

import (
	"log/slog"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// serve serves a storage on a free port until the test ends, through net/http as `bluefin serve`
// does, or by gRPC's own server.
func serve(tb testing.TB, s storage.Viewer, throughHTTP bool) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	Register(g, s, slog.New(slog.NewTextHandler(tb.Output(), nil)))
	if !throughHTTP {
		go g.Serve(listener)
		tb.Cleanup(g.Stop)
		return listener.Addr().String()
	}
	h := &http.Server{Handler: g, Protocols: new(http.Protocols)}
	h.Protocols.SetUnencryptedHTTP2(true)
	go h.Serve(listener)
	tb.Cleanup(func() { h.Close() })
	return listener.Addr().String()
}

// file opens a new study file.
func file(tb testing.TB) (db *sqlite.DB, path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "study.db")
	db, err := sqlite.Open(tb.Context(), path, sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db, path
}

// client connects to a server.
func client(tb testing.TB, address string) pb.StorageServiceClient {
	tb.Helper()
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return pb.NewStorageServiceClient(c)
}

// create makes a study of one objective.
func create(tb testing.TB, c pb.StorageServiceClient, name string) int64 {
	tb.Helper()
	r, err := c.CreateNewStudy(tb.Context(), &pb.CreateNewStudyRequest{
		StudyName: name, Directions: []pb.StudyDirection{pb.StudyDirection_MINIMIZE}})
	if err != nil {
		tb.Fatal(err)
	}
	return r.StudyId
}

// start makes a trial that runs.
func start(tb testing.TB, c pb.StorageServiceClient, study int64) int64 {
	tb.Helper()
	r, err := c.CreateNewTrial(tb.Context(), &pb.CreateNewTrialRequest{StudyId: study, TemplateTrialIsNone: true})
	if err != nil {
		tb.Fatal(err)
	}
	return r.TrialId
}

const unit = `{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}`

// Every mistake of a client gets the code by which Optuna chooses an exception.
func TestCodes(t *testing.T) {
	db, _ := file(t)
	c, ctx := client(t, serve(t, db, true)), t.Context()
	study := create(t, c, "a")
	running, finished := start(t, c, study), start(t, c, study)
	param := func(id int64, name, dist string) error {
		_, err := c.SetTrialParameter(ctx, &pb.SetTrialParameterRequest{
			TrialId: id, ParamName: name, ParamValueInternal: 0.5, Distribution: dist})
		return err
	}
	end := func(id int64, state pb.TrialState, values ...float64) error {
		_, err := c.SetTrialStateValues(ctx, &pb.SetTrialStateValuesRequest{TrialId: id, State: state, Values: values})
		return err
	}
	report := func(id, step int64) error {
		_, err := c.SetTrialIntermediateValue(ctx, &pb.SetTrialIntermediateValueRequest{TrialId: id, Step: step})
		return err
	}
	attr := func(id int64, key, value string) error {
		_, err := c.SetTrialUserAttribute(ctx, &pb.SetTrialUserAttributeRequest{TrialId: id, Key: key, Value: value})
		return err
	}
	system := func(id int64, key, value string) error {
		_, err := c.SetTrialSystemAttribute(ctx, &pb.SetTrialSystemAttributeRequest{TrialId: id, Key: key, Value: value})
		return err
	}
	add := func(m *pb.Trial) error {
		_, err := c.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: study, TemplateTrial: m})
		return err
	}
	newStudy := func(name string, directions ...pb.StudyDirection) error {
		_, err := c.CreateNewStudy(ctx, &pb.CreateNewStudyRequest{StudyName: name, Directions: directions})
		return err
	}
	if err := param(running, "x", unit); err != nil {
		t.Fatal(err)
	}
	if err := end(finished, pb.TrialState_COMPLETE, 1); err != nil {
		t.Fatal(err)
	}
	const none = 99
	categories := `{"name": "CategoricalDistribution", "attributes": {"choices": ["a"]}}`
	for _, call := range []struct {
		rule string
		got  error
		want codes.Code
	}{
		{"a name is taken", newStudy("a", pb.StudyDirection_MINIMIZE), codes.AlreadyExists},
		{"a name is empty", newStudy("", pb.StudyDirection_MINIMIZE), codes.InvalidArgument},
		{"no direction", newStudy("b"), codes.InvalidArgument},
		{"no trial: parameter", param(none, "x", unit), codes.NotFound},
		{"no trial: end", end(none, pb.TrialState_FAIL), codes.NotFound},
		{"no trial: report", report(none, 0), codes.NotFound},
		{"no trial: attribute", attr(none, "k", "1"), codes.NotFound},
		{"no trial: system attribute", system(none, "k", "1"), codes.NotFound},
		{"finished: parameter", param(finished, "x", unit), codes.FailedPrecondition},
		{"finished: a parameter of another kind", param(finished, "x", categories), codes.FailedPrecondition},
		{"finished: end", end(finished, pb.TrialState_FAIL), codes.FailedPrecondition},
		{"finished: start", end(finished, pb.TrialState_RUNNING), codes.FailedPrecondition},
		{"finished: report", report(finished, 0), codes.FailedPrecondition},
		{"finished: attribute", attr(finished, "k", "1"), codes.FailedPrecondition},
		{"finished: system attribute", system(finished, "k", "1"), codes.FailedPrecondition},
		{"a parameter of another kind", param(running, "x", categories), codes.InvalidArgument},
		{"another scale", param(running, "x", strings.Replace(strings.Replace(unit, "false", "true", 1),
			"0.0", "0.1", 1)), codes.InvalidArgument},
		{"no distribution", param(running, "y", ""), codes.InvalidArgument},
		{"an empty range", param(running, "y", strings.Replace(unit, "0.0", "2.0", 1)), codes.InvalidArgument},
		{"no choice", param(running, "y", strings.Replace(categories, `"a"`, "", 1)), codes.InvalidArgument},
		{"a name of 513 bytes", param(running, strings.Repeat("n", 513), unit), codes.InvalidArgument},
		{"no value", end(running, pb.TrialState_COMPLETE), codes.InvalidArgument},
		{"two values", end(running, pb.TrialState_COMPLETE, 1, 2), codes.InvalidArgument},
		{"NaN", end(running, pb.TrialState_COMPLETE, math.NaN()), codes.InvalidArgument},
		{"a failed trial has no value", end(running, pb.TrialState_FAIL, 1), codes.InvalidArgument},
		{"running already, which is no error", end(running, pb.TrialState_RUNNING), codes.OK},
		{"no state", end(running, 7), codes.InvalidArgument},
		{"a state below 0", end(running, -1), codes.InvalidArgument},
		{"a negative step", report(running, -1), codes.InvalidArgument},
		{"not JSON", attr(running, "k", "{"), codes.InvalidArgument},
		{"JSON that is too deep", attr(running, "k", strings.Repeat("[", 1<<20)+strings.Repeat("]", 1<<20)), codes.InvalidArgument},
		{"a distribution that is too deep", param(running, "y", strings.Repeat(`{"a":`, 1<<20)), codes.InvalidArgument},
		{"a key is empty", attr(running, "", "1"), codes.InvalidArgument},
		{"a constraint is NaN", system(running, "constraints", "[NaN]"), codes.InvalidArgument},
		{"a trial of no state", add(&pb.Trial{State: 5}), codes.InvalidArgument},
		{"a trial without its value", add(&pb.Trial{State: pb.TrialState_COMPLETE}), codes.InvalidArgument},
		{"a trial of no time", add(&pb.Trial{DatetimeStart: "yesterday"}), codes.InvalidArgument},
		{"a trial without a distribution", add(&pb.Trial{Params: map[string]float64{"z": 1}}), codes.InvalidArgument},
		{"a trial with a parameter of another kind", add(&pb.Trial{Params: map[string]float64{"x": 0},
			Distributions: map[string]string{"x": categories}}), codes.InvalidArgument},
	} {
		if got := status.Code(call.got); got != call.want {
			t.Errorf("%s: got %v, want %v", call.rule, call.got, call.want)
		}
	}
	// Nothing of that has changed a trial, or bound a parameter.
	for _, name := range []string{"y", "z"} {
		if err := param(running, name, categories[:len(categories)-6]+`"b"]}}`); status.Code(err) != codes.InvalidArgument {
			t.Errorf("0.5 is no choice: got %v", err)
		}
		if err := param(running, name, unit); err != nil {
			t.Errorf("a refused parameter binds nothing: got %v", err)
		}
	}
	r, err := c.GetTrials(ctx, &pb.GetTrialsRequest{StudyId: study, TrialIdGreaterThan: -1})
	if err != nil || len(r.Trials) != 2 || r.Trials[0].State != pb.TrialState_RUNNING || len(r.Trials[0].Params) != 3 ||
		len(r.Trials[0].UserAttributes)+len(r.Trials[0].SystemAttributes)+len(r.Trials[0].IntermediateValues) != 0 {
		t.Errorf("got %v, %v", r, err)
	}
}

// Every call with the ID of a study or trial says NOT_FOUND if there is none, also once it was deleted.
func TestDeletedStudies(t *testing.T) {
	db, _ := file(t)
	c, ctx := client(t, serve(t, db, true)), t.Context()
	study := create(t, c, "a")
	id := start(t, c, study)
	calls := map[string]func() error{
		"DeleteStudy": func() error {
			_, err := c.DeleteStudy(ctx, &pb.DeleteStudyRequest{StudyId: study + 1000})
			return err
		},
		"SetStudyUserAttribute": func() error {
			_, err := c.SetStudyUserAttribute(ctx, &pb.SetStudyUserAttributeRequest{StudyId: study, Key: "k", Value: "1"})
			return err
		},
		"SetStudySystemAttribute": func() error {
			_, err := c.SetStudySystemAttribute(ctx, &pb.SetStudySystemAttributeRequest{StudyId: study, Key: "k", Value: "1"})
			return err
		},
		"GetStudyIdFromName": func() error {
			_, err := c.GetStudyIdFromName(ctx, &pb.GetStudyIdFromNameRequest{StudyName: "a"})
			return err
		},
		"GetStudyNameFromId": func() error {
			_, err := c.GetStudyNameFromId(ctx, &pb.GetStudyNameFromIdRequest{StudyId: study})
			return err
		},
		"GetStudyDirections": func() error {
			_, err := c.GetStudyDirections(ctx, &pb.GetStudyDirectionsRequest{StudyId: study})
			return err
		},
		"GetStudyUserAttributes": func() error {
			_, err := c.GetStudyUserAttributes(ctx, &pb.GetStudyUserAttributesRequest{StudyId: study})
			return err
		},
		"GetStudySystemAttributes": func() error {
			_, err := c.GetStudySystemAttributes(ctx, &pb.GetStudySystemAttributesRequest{StudyId: study})
			return err
		},
		"CreateNewTrial": func() error {
			_, err := c.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: study, TemplateTrialIsNone: true})
			return err
		},
		"SetTrialParameter": func() error {
			_, err := c.SetTrialParameter(ctx, &pb.SetTrialParameterRequest{TrialId: id, ParamName: "x", Distribution: unit})
			return err
		},
		"SetTrialIntermediateValue": func() error {
			_, err := c.SetTrialIntermediateValue(ctx, &pb.SetTrialIntermediateValueRequest{TrialId: id})
			return err
		},
		"SetTrialUserAttribute": func() error {
			_, err := c.SetTrialUserAttribute(ctx, &pb.SetTrialUserAttributeRequest{TrialId: id, Key: "k", Value: "1"})
			return err
		},
		"SetTrialSystemAttribute": func() error {
			_, err := c.SetTrialSystemAttribute(ctx, &pb.SetTrialSystemAttributeRequest{TrialId: id, Key: "k", Value: "1"})
			return err
		},
		"GetTrialIdFromStudyIdTrialNumber": func() error {
			_, err := c.GetTrialIdFromStudyIdTrialNumber(ctx, &pb.GetTrialIdFromStudyIdTrialNumberRequest{StudyId: study})
			return err
		},
		"GetTrial": func() error {
			_, err := c.GetTrial(ctx, &pb.GetTrialRequest{TrialId: id})
			return err
		},
		"GetTrials": func() error {
			_, err := c.GetTrials(ctx, &pb.GetTrialsRequest{StudyId: study})
			return err
		},
		"SetTrialStateValues": func() error {
			_, err := c.SetTrialStateValues(ctx, &pb.SetTrialStateValuesRequest{TrialId: id, State: pb.TrialState_WAITING})
			return err
		},
	}
	for name, call := range calls { // which fills the caches
		if err := call(); (err != nil) != (name == "DeleteStudy") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The study is deleted by another program, and its name taken.
	if err := db.Delete(ctx, study); err != nil {
		t.Fatal(err)
	}
	other := create(t, c, "a")
	for name, call := range calls {
		if err := call(); status.Code(err) != codes.NotFound && name != "GetStudyIdFromName" {
			t.Errorf("%s of a deleted study: got %v, want %v", name, err, codes.NotFound)
		}
	}
	if r, err := c.GetStudyIdFromName(ctx, &pb.GetStudyIdFromNameRequest{StudyName: "a"}); err != nil || r.StudyId != other || other == study {
		t.Errorf("got %v, %v, want study %d", r, err, other)
	}
	if _, err := c.DeleteStudy(ctx, &pb.DeleteStudyRequest{StudyId: other}); err != nil {
		t.Error(err)
	}
	if r, err := c.GetAllStudies(ctx, &pb.GetAllStudiesRequest{}); err != nil || len(r.Studies) != 0 {
		t.Errorf("got %v, %v", r, err)
	}
}

// Of 32 clients that start a waiting trial one succeeds, and of 32 that end a trial.
func TestRaces(t *testing.T) {
	db, _ := file(t)
	address := serve(t, db, true)
	c, ctx := client(t, address), t.Context()
	study := create(t, c, "a")
	r, err := c.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: study, TemplateTrial: &pb.Trial{State: pb.TrialState_WAITING}})
	if err != nil {
		t.Fatal(err)
	}
	race := func(state pb.TrialState, values ...float64) (updated, refused int32) {
		var wg sync.WaitGroup
		for range 32 {
			c := client(t, address)
			wg.Go(func() {
				r, err := c.SetTrialStateValues(ctx, &pb.SetTrialStateValuesRequest{TrialId: r.TrialId, State: state, Values: values})
				switch {
				case err == nil && r.TrialUpdated:
					atomic.AddInt32(&updated, 1)
				case err == nil || status.Code(err) == codes.FailedPrecondition:
					atomic.AddInt32(&refused, 1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return updated, refused
	}
	if updated, refused := race(pb.TrialState_RUNNING); updated != 1 || refused != 31 {
		t.Errorf("%d clients started the trial, %d did not", updated, refused)
	}
	if updated, refused := race(pb.TrialState_COMPLETE, 1); updated != 1 || refused != 31 {
		t.Errorf("%d clients ended the trial, %d did not", updated, refused)
	}
}
