package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestKeptAnswersAreBoundedByTheirSize(t *testing.T) {
	kept := answers{entries: map[string]*answer{}}
	body := make([]byte, 1<<20)
	for i := range 200 {
		e, mine := kept.enter(fmt.Sprint(i), sha256.Sum256(nil))
		if !mine {
			t.Fatal("the key is new")
		}
		e.said = &recorder{status: 200}
		_, _ = e.said.Write(body)
		kept.leave(e)
	}
	if n := len(kept.oldest); n < 60 || n > 66 || len(kept.entries) != n || kept.bytes != n<<20 {
		t.Errorf("of 200 answers of 1 MiB %d are kept, %d by key, %d bytes; want 64 MiB", n, len(kept.entries), kept.bytes)
	}
	if _, mine := kept.enter("199", sha256.Sum256(nil)); mine {
		t.Error("the last answer is forgotten")
	}
}

// A client that leaves while its request is answered gets the answer when it asks again, not another one.
func TestAnAnswerOutlivesItsClient(t *testing.T) {
	a := New(Config{Logger: slog.New(slog.DiscardHandler), Client: func(*http.Request) string { return "" }})
	ctx, leave := context.WithCancel(t.Context())
	calls := 0
	post := func(ctx context.Context) string {
		r := httptest.NewRequestWithContext(ctx, "POST", "/v1/studies/s/trials/0/tell", nil)
		r.Header.Set("Idempotency-Key", "k")
		w := httptest.NewRecorder()
		a.once(w, r, func(_ http.ResponseWriter, r *http.Request) (any, error) {
			calls++
			leave() // after the write, say, and before the trial is read
			if calls > 1 {
				return nil, errors.New("it has finished")
			}
			return "told", r.Context().Err()
		})
		return w.Body.String()
	}
	post(ctx)
	if got := post(t.Context()); got != "\"told\"\n" || calls != 1 {
		t.Errorf("got %q after %d calls, want the first answer", got, calls)
	}
}
