//go:build unix

package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A cutter passes bytes on between a program and its server until it cuts a connection.
type cutter struct {
	net.Listener
	server string
	at     atomic.Int32 // when the next COMMIT is cut off; see below
	cuts   atomic.Int32
}

const (
	never  = iota
	before // the server never gets it
	during // the program loses the connection while the server works
	after  // the program never gets the answer
)

// cut starts a cutter before the database of a URL, and returns it with the URL that leads through
// it.
func cut(t *testing.T, text string) (*cutter, string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cutter{Listener: l}
	text = with(t, text, func(u *url.URL) {
		c.server = u.Host
		u.Host = l.Addr().String()
		u.RawQuery += "&default_query_exec_mode=cache_describe" // statements are sent as texts
	})
	go c.serve()
	return c, text
}

func (c *cutter) serve() {
	for {
		client, err := c.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.server)
		if err != nil {
			client.Close()
			continue
		}
		var mute atomic.Bool
		end := func() { client.Close(); server.Close() }
		go func() {
			defer end()
			buffer := make([]byte, 1<<20)
			for {
				n, err := client.Read(buffer)
				if err != nil {
					return
				}
				if bytes.HasPrefix(buffer[:n], []byte{0, 0, 0, 16, 4, 210, 22, 46}) {
					return // a request to cancel, which would not come through a network that is down
				}
				// A transaction that changed something: its commit follows the writer's number.
				if at := c.at.Load(); at != never && bytes.Contains(buffer[:n], []byte("pg_logical_emit_message")) && c.at.CompareAndSwap(at, never) {
					c.cuts.Add(1)
					switch at {
					case before:
						return
					case during:
						_, _ = server.Write(buffer[:n])
						return
					}
					mute.Store(true)
				}
				if _, err := server.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
		go func() {
			defer end()
			buffer := make([]byte, 1<<20)
			for {
				n, err := server.Read(buffer)
				if err != nil || mute.Load() {
					return
				}
				if _, err := client.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// A commit whose answer is lost is neither repeated nor forgotten.
func TestLostAnswers(t *testing.T) {
	server := pgtest.Start(t)
	direct := server.Database(t)
	c, through := cut(t, direct)
	db := open(t, through)
	defer db.Close()
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range 6 {
		for _, at := range []int32{before, after} {
			claim := storage.Claim{Lease: storage.Lease{Owner: fmt.Sprint(i, at), Duration: time.Hour}}
			c.at.Store(at)
			tr, err := db.Begin(t.Context(), s.ID, claim)
			if err != nil || tr.Number != want {
				t.Fatalf("got %+v, %v, want trial %d", tr, err, want)
			}
			want++
			c.at.Store(at)
			if err := db.Write(t.Context(), s.ID, tr.Number, storage.Update{Owner: claim.Owner,
				Params: []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}},
				State:  trial.Complete, Values: []float64{float64(i)}}); err != nil {
				t.Fatal(err)
			}
			c.at.Store(at)
			n, err := db.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Failed})
			if err != nil || n != want {
				t.Fatalf("got %d, %v, want trial %d", n, err, want)
			}
			want++
		}
	}
	if c.cuts.Load() != 36 {
		t.Errorf("%d commits were cut off, want 36", c.cuts.Load())
	}
	if got := server.SQL(t, direct, `SELECT count(*), count(DISTINCT number), max(number), count(*) FILTER (WHERE state = 'COMPLETE') FROM trials`); got != "24|24|23|12" {
		t.Errorf("trials, numbers, the last one and complete ones are %s, want 24|24|23|12", got)
	}
}

// A connection breaks while its commit waits for a lock in the server, which then does it all the
// same. The writer must wait for that, or it would do it again.
func TestCommitAfterLostConnection(t *testing.T) {
	server := pgtest.Start(t)
	direct := server.Database(t)
	c, through := cut(t, direct)
	db := open(t, through+"&pool_max_conns=1") // each statement is known to it from the second time on
	defer db.Close()
	s, err := db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), direct)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	claim := storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Hour}}
	result := storage.Update{Owner: "w", State: trial.Complete, Values: []float64{1}}
	for range 2 {
		if _, err := db.Begin(t.Context(), s.ID, claim); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Write(t.Context(), s.ID, 0, result); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `BEGIN; UPDATE bluefin_studies SET revision = revision`); err != nil {
		t.Fatal(err)
	}
	c.at.Store(during)
	done := make(chan error, 1)
	go func() {
		done <- db.Write(t.Context(), s.ID, 1, result)
	}()
	// The server works at the write, and the writer looks for it.
	for start := time.Now(); server.SQL(t, direct, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`) != "2"; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("want two transactions that wait for locks, have %s",
				server.SQL(t, direct, `SELECT state, wait_event, query FROM pg_stat_activity WHERE datname = current_database()`))
		}
	}
	if _, err := conn.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("a result that was stored is refused: %v", err)
	}
	if got := server.SQL(t, direct, `SELECT state FROM trials WHERE number = 1`); got != "COMPLETE" || c.cuts.Load() != 1 {
		t.Errorf("the trial is %s after %d cuts, want COMPLETE after 1", got, c.cuts.Load())
	}
}

// Workers survive a server that restarts, and one that is killed. No result that was
// acknowledged is lost, no number is skipped and the budget is exact.
func TestTheServerDies(t *testing.T) {
	server := pgtest.New(t, pgtest.Config{})
	at := server.Database(t)
	const workers, budget = 4, 300
	first := open(t, at)
	s, err := first.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	var told sync.Map // the acknowledged values by number
	var done atomic.Int32
	var wg sync.WaitGroup
	for w := range workers {
		db := open(t, at)
		wg.Go(func() {
			defer db.Close()
			for i := 0; ; i++ {
				claim := storage.Claim{Lease: storage.Lease{Owner: fmt.Sprint(w, " ", i), Duration: time.Hour}, Budget: budget}
				tr, err := db.Begin(t.Context(), s.ID, claim)
				if errors.Is(err, storage.ErrBudget) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
				u := storage.Update{Owner: claim.Owner, State: trial.Complete, Values: []float64{float64(w*1000 + i)}}
				if err := db.Write(t.Context(), s.ID, tr.Number, u); err != nil {
					t.Error(err)
					return
				}
				if _, twice := told.LoadOrStore(tr.Number, u.Values[0]); twice {
					t.Errorf("trial %d was given to two workers", tr.Number)
				}
				if _, err := db.Since(t.Context(), s.ID, 0); err != nil {
					t.Error(err)
				}
				done.Add(1)
			}
		})
	}
	for i, kill := range []bool{true, false, true} {
		for done.Load() < int32(budget/5*(i+1)) && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		if kill {
			server.Kill(t)
			server.Start(t)
		} else {
			server.Restart(t)
		}
	}
	wg.Wait()
	db := open(t, at)
	defer db.Close()
	c, err := db.Since(t.Context(), s.ID, 0)
	if err != nil || len(c.Trials) != budget {
		t.Fatalf("got %d trials, %v, want %d", len(c.Trials), err, budget)
	}
	var numbers []int
	for _, tr := range c.Trials {
		numbers = append(numbers, tr.Number)
		if value, ok := told.Load(tr.Number); !ok || tr.State != trial.Complete || tr.Values[0] != value {
			t.Errorf("trial %d is %v %v, acknowledged was %v", tr.Number, tr.State, tr.Values, value)
		}
	}
	slices.Sort(numbers)
	if numbers[budget-1] != budget-1 || len(slices.Compact(numbers)) != budget {
		t.Errorf("the numbers are %v", numbers)
	}
}

// A call gives up when its patience is over, and says how long it tried.
func TestPatienceEnds(t *testing.T) {
	server := pgtest.New(t, pgtest.Config{})
	db, err := postgres.Open(t.Context(), server.Database(t), postgres.Options{Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	server.Stop(t)
	start := time.Now()
	_, err = db.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err == nil || time.Since(start) > 5*time.Second {
		t.Fatalf("got %v after %v", err, time.Since(start))
	}
	t.Log(err)
}

// Who waits for a study is told of a change at once, and of one by another program within a second.
func TestAwait(t *testing.T) {
	server := pgtest.Start(t)
	at := server.Database(t)
	reader, writer := open(t, at), open(t, at)
	defer reader.Close()
	defer writer.Close()
	s, err := writer.Create(t.Context(), "s", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	var delays []time.Duration
	for i := range 20 {
		c, err := reader.Since(t.Context(), s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		woken := make(chan time.Time, 1)
		go func() {
			if err := reader.Await(t.Context(), s.ID, c.Revision); err != nil {
				t.Error(err)
			}
			woken <- time.Now()
		}()
		time.Sleep(50 * time.Millisecond)
		if i == 0 {
			time.Sleep(300 * time.Millisecond) // until it listens
		}
		if _, err := writer.Add(t.Context(), s.ID, &trial.Trial{Number: -1, State: trial.Waiting}); err != nil {
			t.Fatal(err)
		}
		wrote := time.Now()
		delays = append(delays, (<-woken).Sub(wrote))
	}
	slices.Sort(delays)
	t.Logf("after the write: median %v, at most %v", delays[10], delays[19])
	if delays[10] > 100*time.Millisecond {
		t.Errorf("half of the waits ended %v after the write or later, want at once", delays[10])
	}
	ctx, start := t.Context(), time.Now()
	c, _ := reader.Since(ctx, s.ID, 0)
	if err := reader.Await(ctx, s.ID, c.Revision); err != nil || time.Since(start) > 3*time.Second {
		t.Errorf("a wait for nothing: %v after %v, want a second", err, time.Since(start))
	}
}
