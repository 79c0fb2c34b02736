package serve

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
)

// Many large messages at once take the memory of a few. Small calls do not wait for them.
func TestLargeMessagesTakeTurns(t *testing.T) {
	many, size := 12, 8<<20
	if !testing.Short() {
		many, size = 24, 24<<20
	}
	s := start(t, withTokens(t))
	conn, ctx := s.rpc(writer)
	c := pb.NewStorageServiceClient(conn)
	study, err := c.CreateNewStudy(ctx, &pb.CreateNewStudyRequest{StudyName: "s", Directions: []pb.StudyDirection{pb.StudyDirection_MINIMIZE}})
	if err != nil {
		t.Fatal(err)
	}
	large := `"` + strings.Repeat("x", size) + `"`
	var most atomic.Int64
	watching := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			most.Store(max(most.Load(), int64(len(s.big))))
			select {
			case <-watching:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	var calls sync.WaitGroup
	for i := range many {
		calls.Go(func() {
			c := c
			if i%2 == 0 { // on a connection of its own, as from another worker
				conn, _ := s.rpc("")
				c = pb.NewStorageServiceClient(conn)
			}
			_, err := c.SetStudyUserAttribute(ctx, &pb.SetStudyUserAttributeRequest{StudyId: study.StudyId, Key: "k", Value: large})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range 20 {
		began := time.Now()
		if _, err := c.GetStudyIdFromName(ctx, &pb.GetStudyIdFromNameRequest{StudyName: "s"}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a small call took %v", took)
		}
	}
	calls.Wait()
	close(watching)
	watch.Wait()
	if n := most.Load(); n == 0 || n > bigMost {
		t.Errorf("%d large messages were in memory at once, want 1 to %d", n, bigMost)
	}
	if n := len(s.big); n != 0 {
		t.Errorf("%d turns are still taken", n)
	}
	// Larger than any message may be.
	_, err = c.SetStudyUserAttribute(ctx, &pb.SetStudyUserAttributeRequest{StudyId: study.StudyId, Key: "k",
		Value: strings.Repeat("x", mostMessage+1)}, grpc.MaxCallSendMsgSize(1<<30))
	if code := grpcstatus.Code(err); code != codes.ResourceExhausted {
		t.Errorf("a message of more than 64 MiB: got %v", err)
	}
}

// While others have all turns, a large body of JSON waits and a small one does not.
func TestLargeBodiesOfJSONTakeTurns(t *testing.T) {
	s := start(t, nil)
	for range bigJSONMost {
		s.bigJSON <- struct{}{}
	}
	code := make(chan int)
	go func() {
		got, _, _ := s.call("POST", "/v1/studies", "", `{"name": "large", `+space+strings.Repeat(" ", 2*bigJSONFrom)+"}")
		code <- got
	}()
	select {
	case got := <-code:
		t.Errorf("a large body got %d without a turn", got)
	case <-time.After(200 * time.Millisecond):
	}
	s.want(201, "POST", "/v1/studies", "", `{"name": "small", `+space+`}`)
	<-s.bigJSON
	if got := <-code; got != 201 {
		t.Errorf("a large body got %d after its turn", got)
	}
	if n := len(s.bigJSON); n > bigJSONMost-1 {
		t.Errorf("%d turns are taken, want %d", n, bigJSONMost-1)
	}
}
