package optuna

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// servers are what the benchmarks compare: ours by gRPC's own HTTP/2, ours through net/http, and
// Optuna's proxy server, each on a new study file.
var servers = []struct {
	name  string
	start func(b *testing.B) (address string)
}{
	{"grpc", func(b *testing.B) string { db, _ := file(b); return serve(b, db, false) }},
	{"http", func(b *testing.B) string { db, _ := file(b); return serve(b, db, true) }},
	{"optuna", proxy},
}

// proxy starts Optuna's own proxy server on a new file.
func proxy(b *testing.B) (address string) {
	b.Helper()
	name := python(b)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address = listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	listener.Close()
	cmd := exec.Command(name, "-W", "ignore", "proxy.py", filepath.Join(b.TempDir(), "study.db"), port)
	cmd.Dir, cmd.Env = "testdata", append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		} else if time.Since(start) > time.Minute {
			b.Fatal(err)
		}
	}
}

// BenchmarkClients runs trials of real clients: one Python process with 8 threads, TPE, three
// parameters, a report and an attribute. Most of the time is Python's.
func BenchmarkClients(b *testing.B) {
	const trials = 200
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			for range b.N {
				address := s.start(b)
				create(b, client(b, address), "a")
				out := script(b, "", "worker.py", address, "a", "1", fmt.Sprint(trials), "8")
				seconds, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(trials/seconds, "trials/s")
			}
		})
	}
}

// BenchmarkCalls runs trials of 64 clients in Go, which wait for nothing but the server.
func BenchmarkCalls(b *testing.B) {
	const clients, each = 64, 8
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			for range b.N {
				address := s.start(b)
				study := create(b, client(b, address), "a")
				var (
					mu    sync.Mutex
					spans []time.Duration
					wg    sync.WaitGroup
				)
				timed := func(ctx context.Context, method string, req, reply any, c *grpc.ClientConn,
					invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					start := time.Now()
					err := invoke(ctx, method, req, reply, c, opts...)
					mu.Lock()
					defer mu.Unlock()
					spans = append(spans, time.Since(start))
					return err
				}
				start := time.Now()
				for range clients {
					wg.Go(func() {
						conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
							grpc.WithUnaryInterceptor(timed))
						if err != nil {
							b.Error(err)
							return
						}
						defer conn.Close()
						if err := run(b.Context(), pb.NewStorageServiceClient(conn), study, each); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
				took := time.Since(start).Seconds()
				slices.Sort(spans)
				b.ReportMetric(clients*each/took, "trials/s")
				b.ReportMetric(float64(len(spans))/took, "calls/s")
				b.ReportMetric(float64(spans[len(spans)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(spans[len(spans)*99/100].Microseconds())/1000, "p99-ms")
			}
		})
	}
}

// run makes the calls of a worker's trials.
func run(ctx context.Context, c pb.StorageServiceClient, study int64, trials int) error {
	last, running := int64(-1), []int64(nil)
	for i := range trials {
		r, err := c.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: study, TemplateTrialIsNone: true})
		if err != nil {
			return err
		}
		all, err := c.GetTrials(ctx, &pb.GetTrialsRequest{StudyId: study, TrialIdGreaterThan: last, IncludedTrialIds: running})
		if err != nil {
			return err
		}
		running = nil
		for _, t := range all.Trials {
			if t.State == pb.TrialState_RUNNING {
				running = append(running, t.TrialId)
			} else {
				last = max(last, t.TrialId)
			}
		}
		for _, name := range []string{"x", "y", "z"} {
			if _, err := c.SetTrialParameter(ctx, &pb.SetTrialParameterRequest{
				TrialId: r.TrialId, ParamName: name, ParamValueInternal: 0.5, Distribution: unit}); err != nil {
				return err
			}
		}
		if _, err := c.SetTrialIntermediateValue(ctx, &pb.SetTrialIntermediateValueRequest{TrialId: r.TrialId}); err != nil {
			return err
		}
		if _, err := c.SetTrialUserAttribute(ctx, &pb.SetTrialUserAttributeRequest{TrialId: r.TrialId, Key: "k", Value: "1"}); err != nil {
			return err
		}
		if _, err := c.SetTrialStateValues(ctx, &pb.SetTrialStateValuesRequest{
			TrialId: r.TrialId, State: pb.TrialState_COMPLETE, Values: []float64{float64(i)}}); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkLongStudy reads a study of 20,000 trials: as a whole, for a client that is new to a new
// server, and for one that lacks a single trial.
func BenchmarkLongStudy(b *testing.B) {
	const trials = 20_000
	db, _ := file(b)
	long := storage.Snapshot{Study: storage.Study{Name: "long", Directions: []trial.Direction{trial.Minimize}}}
	for i := range trials {
		long.Trials = append(long.Trials, &trial.Trial{Number: i, State: trial.Complete, Values: []float64{1}, Seen: i,
			Start: time.Now(), End: time.Now(), UserAttrs: one("k", "1"), Reports: []trial.Report{{Step: 1, Value: 2}},
			Params: []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}, {Name: "k", Value: 3, Dist: space.Int{High: 9}}}})
	}
	s, err := db.Import(b.Context(), long)
	if err != nil {
		b.Fatal(err)
	}
	last, err := db.TrialID(b.Context(), s.ID, trials-2)
	if err != nil {
		b.Fatal(err)
	}
	read := func(b *testing.B, c pb.StorageServiceClient, after int64, want int) (bytes int) {
		r, err := c.GetTrials(b.Context(), &pb.GetTrialsRequest{StudyId: s.ID, TrialIdGreaterThan: after})
		if err != nil || len(r.Trials) != want {
			b.Fatalf("got %d trials, %v", len(r.GetTrials()), err)
		}
		return proto.Size(r)
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			bytes := read(b, client(b, serve(b, db, true)), -1, trials)
			b.ReportMetric(float64(bytes)/trials, "bytes/trial")
		}
	})
	c := client(b, serve(b, db, true))
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			read(b, c, -1, trials)
		}
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			read(b, c, last, 1)
		}
	})
}
