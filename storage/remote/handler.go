package remote

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Path is where Handler expects its requests.
const Path = "/v1/storage/"

// The largest bodies of requests.
const (
	maxRead   = 1 << 20
	maxWrite  = maxLine + storage.MaxCheckpoint
	maxImport = 4 << 30
)

// longestWrite is more than any storage waits for others.
const longestWrite = 5 * time.Minute

// Handler serves a storage to clients of Open at Path. Whether a client may read
// and write is for the caller to decide, by the path of the request. The storage
// stays open.
func Handler(v storage.Viewer) http.Handler {
	return &handler{v: v, methods: methods(), instance: rand.Text(), kept: newReplies(), large: make(chan struct{}, 3)}
}

type handler struct {
	v        storage.Viewer
	methods  map[string]method
	instance string
	kept     *replies
	large    chan struct{} // has one for each large message that is in memory
}

// A reply is what a method answers: a line, and what follows it.
type reply struct {
	answer
	trials []*trial.Trial
	data   []byte
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(instanceHeader, h.instance)
	w.Header().Set("Cache-Control", "no-store")
	name, ours := strings.CutPrefix(r.URL.Path, Path)
	m, ok := h.methods[name]
	switch {
	case !ours || !ok:
		h.fail(w, r, http.StatusNotFound, fmt.Errorf("there is no method %.100q", name))
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		h.fail(w, r, http.StatusMethodNotAllowed, errors.New("a method is called by POST"))
		return
	case r.Header.Get(versionHeader) != strconv.Itoa(protocol):
		h.fail(w, r, http.StatusBadRequest, fmt.Errorf("the server has version %d of the storage protocol and the "+
			"client version %.20q: use the same Bluefin on both sides", protocol, r.Header.Get(versionHeader)))
		return
	}
	if name == "read/Checkpoint" || r.ContentLength < 0 || r.ContentLength > maxLine/16 {
		select {
		case <-r.Context().Done():
			return
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		}
	}
	answered, err := h.answer(w, r, name, m)
	if err == nil {
		h.send(w, r, http.StatusOK, answered)
		return
	}
	h.fail(w, r, 0, err)
}

// answer calls a method, unless the same call was answered before.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, name string, m method) (answered *reply, err error) {
	if !strings.HasPrefix(name, "write/") {
		return h.call(w, r, name, m)
	}
	key := r.Header.Get(keyHeader)
	if len(key) < 16 || len(key) > 64 {
		return nil, invalid(fmt.Errorf("the header %s has %d bytes, want 16 to 64", keyHeader, len(key)))
	}
	k, first := h.kept.enter(name + " " + key)
	for !first {
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-k.done:
		}
		if k.reply != nil {
			return k.reply, nil
		}
		k, first = h.kept.enter(k.key) // it has failed, which changes nothing
	}
	defer func() { h.kept.leave(k, answered) }()
	if named := r.Header.Get(instanceHeader); named != "" && named != h.instance {
		return nil, errRestarted
	}
	return h.call(w, r, name, m)
}

// call reads the request and calls the method.
func (h *handler) call(w http.ResponseWriter, r *http.Request, name string, m method) (*reply, error) {
	limit := int64(maxWrite)
	switch {
	case name == "write/Import":
		limit = maxImport
	case strings.HasPrefix(name, "read/"):
		limit = maxRead
	}
	in := newReader(http.MaxBytesReader(w, r.Body, limit))
	var q question
	if err := in.line(&q); err != nil {
		return nil, invalid(err)
	}
	ctx := r.Context()
	if strings.HasPrefix(name, "write/") {
		// A change that was asked for is made, though the client may be gone: a database may not know what
		// became of a transaction that is cancelled while it commits.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), longestWrite)
		defer cancel()
	}
	var a reply
	if err := m(&call{ctx, h.v, &q, in, &a}); err != nil {
		return nil, err
	}
	return &a, nil
}

// fail sends an error. Its status is that of the error if it is 0.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	f, usual := encodeError(err)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		status = http.StatusRequestEntityTooLarge
	case status == 0:
		status = usual
	}
	h.send(w, r, status, &reply{answer: answer{Error: f}})
}

// manyTrials are worth compressing: they become an eighth of their size.
const manyTrials = 50

// send sends a reply. Long ones are sent as they are encoded.
func (h *handler) send(w http.ResponseWriter, r *http.Request, status int, a *reply) {
	w.Header().Set("Content-Type", contentType)
	var to io.Writer = w
	if len(a.trials) >= manyTrials && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists
		defer z.Close()
		to = z
	}
	w.WriteHeader(status)
	b := bufio.NewWriter(to)
	defer b.Flush()
	a.Trials = len(a.trials)
	if writeLine(b, a.answer) != nil {
		return // the client is gone
	}
	if err := writeTrials(b, a.trials); err != nil {
		f, _ := encodeError(err)
		_ = writeLine(b, trialLine{Error: f})
		return
	}
	_, _ = b.Write(a.data)
}
