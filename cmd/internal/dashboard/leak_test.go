package dashboard

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Viewers come and go, some without reading what they asked for. Nothing stays of them.
func TestViewersLeaveNothingBehind(t *testing.T) {
	db, s := openTest(t, Config{})
	study := importTest(t, db, "a", table6()...)
	web := httptest.NewServer(s)
	defer web.Close()
	page(t, s, "/studies/1") // whose follower stays
	idle := func() int { runtime.GC(); return runtime.NumGoroutine() }
	before := idle()
	rounds, viewers := 6, 150
	if testing.Short() {
		rounds, viewers = 2, 50
	}
	for round := range rounds {
		ctx, leave := context.WithCancel(t.Context())
		client := &http.Client{Transport: &http.Transport{}}
		var all, asked sync.WaitGroup
		asked.Add(viewers)
		for i := range viewers {
			all.Go(func() {
				target := []string{"/api/events", "/api/studies/1/events", "/studies/1", "/api/studies/1/plots/slice"}[i%4]
				if i%10 == 9 { // it never reads
					c, err := net.Dial("tcp", web.Listener.Addr().String())
					if err != nil {
						panic(err)
					}
					fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target)
					asked.Done()
					<-ctx.Done()
					c.Close()
					return
				}
				r, err := http.NewRequestWithContext(ctx, "GET", web.URL+target, nil)
				if err != nil {
					panic(err)
				}
				answer, err := client.Do(r)
				asked.Done()
				if err != nil {
					t.Error(err)
					return
				}
				if answer.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", target, answer.Status)
				}
				<-ctx.Done()
				answer.Body.Close()
			})
		}
		asked.Wait()
		if round == rounds-1 { // its viewers are told
			if err := db.Delete(t.Context(), study.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		leave()
		all.Wait()
		client.CloseIdleConnections()
	}
	for end := time.Now().Add(20 * time.Second); idle() > before+3; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", idle(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
