package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
)

// Options say how a storage is called. The zero value reads and writes, without a
// token.
type Options struct {
	ReadOnly bool
	Token    string // sent with each call, as a bearer token; "": none

	// Patience is for how long a call is repeated that got no answer. 0: two
	// minutes; negative: not at all.
	Patience time.Duration

	// Transport carries the calls. nil: one of net/http, which takes proxies and
	// SSL_CERT_FILE from the environment.
	Transport http.RoundTripper

	Logger *slog.Logger // receives that a server does not answer; nil: slog.Default
}

// A DB is a storage.Viewer on another machine. Any number of goroutines may use it.
//
// Calls that get no answer are repeated, and take effect once. If the server
// restarted meanwhile, it no longer knows which calls it has answered. Then
// Write, WriteStudy and Delete succeed if what they want is there already; Begin
// claims another trial, and the one it may have claimed before runs again when its
// lease is over; Create and Import may fail with ErrExist for the study that they
// have made; and Add fails rather than add a trial twice.
type DB struct {
	url      string // without a slash at its end
	o        Options
	client   *http.Client
	instance atomic.Pointer[string] // of the server that answered last
	silent   atomic.Bool            // the log says that the server does not answer
}

var _ storage.Viewer = (*DB)(nil)

// The default of Options.Patience, and how long Open waits for a server to start.
const (
	defaultPatience = 2 * time.Minute
	openPatience    = 10 * time.Second
)

// Open returns the storage at the URL of a server, such as https://example.org or
// http://127.0.0.1:13000, once the server answers.
func Open(ctx context.Context, address string, o Options) (*DB, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" {
		return nil, errors.New("the URL of a storage cannot be read: want https://HOST:PORT, without a name or a password")
	}
	o.Patience = cmp.Or(o.Patience, defaultPatience)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 64
		t.ResponseHeaderTimeout = 2 * time.Minute // a writer may wait half a minute for others
		t.DisableCompression = u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1"
		o.Transport = t
	}
	db := &DB{url: strings.TrimRight(address, "/"), o: o}
	// A redirect would send the token to another server.
	db.client = &http.Client{Transport: o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if err := db.hello(ctx); err != nil {
		db.client.CloseIdleConnections()
		return nil, err
	}
	return db, nil
}

// hello asks for the version of the server.
func (db *DB) hello(ctx context.Context) error {
	c := request{method: "read/Hello", patience: min(db.o.Patience, openPatience)}
	a, err := db.send(ctx, &c, nil)
	if err == nil && a.Storage != protocol {
		err = &remoteError{text: fmt.Sprintf("the server has version %d of the storage protocol, and this program version %d: "+
			"use the same Bluefin on both sides", a.Storage, protocol)}
	}
	if errors.As(err, new(*remoteError)) {
		err = fmt.Errorf("storage %s: %w", db.url, err)
	}
	return err
}

// Close implements storage.Storage.
func (db *DB) Close() error {
	db.client.CloseIdleConnections()
	return nil
}
