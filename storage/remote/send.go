package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A request is a call of a method.
type request struct {
	method string // read/… or write/…
	question
	trials   []*trial.Trial
	data     []byte
	patience time.Duration // 0: that of the storage

	head     []byte // the lines of the message
	key      string
	instance string // that was called when an answer was lost; "": none was
}

// writes reports whether the call changes something.
func (c *request) writes() bool { return strings.HasPrefix(c.method, "write/") }

// ErrToken is matched by errors of Open and of every method if the server wants a token and Options have
// none. Like the error for a token that the server refuses, it matches fs.ErrPermission.
var ErrToken error = refused("the server wants a token")

// A refused error is one that another call does not change.
type refused string

// Error implements error.
func (e refused) Error() string { return string(e) }

// Is reports whether target is fs.ErrPermission.
func (e refused) Is(target error) bool { return target == fs.ErrPermission }

// quiet is how long a server may be silent before the log says so.
const quiet = 3 * time.Second

// send makes a call and repeats it until there is an answer. take reads what follows the answer's first
// line; nil: nothing. The error matches errRestarted if the server restarted, so that nobody knows
// whether the call was made.
func (db *DB) send(ctx context.Context, c *request, take func(answer, *reader) error) (a answer, err error) {
	if c.writes() && db.o.ReadOnly {
		return a, fmt.Errorf("storage %s: %w", db.url, storage.ErrReadOnly)
	}
	var head bytes.Buffer
	c.Trials = len(c.trials)
	if err := writeLine(&head, c.question); err != nil {
		return a, err
	}
	if err := writeTrials(&head, c.trials); err != nil {
		return a, err
	}
	c.head, c.key = head.Bytes(), rand.Text()
	if c.patience == 0 {
		c.patience = db.o.Patience
	}
	began := time.Now()
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 50*time.Millisecond, 3*time.Second
	options := []backoff.RetryOption{backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(c.patience),
		backoff.WithNotify(func(err error, pause time.Duration) {
			if time.Since(began)+pause > quiet && db.silent.CompareAndSwap(false, true) {
				db.o.Logger.Warn("the storage does not answer, trying again", "storage", db.url, "error", err, "patience", c.patience)
			}
		})}
	if c.patience < 0 {
		options = append(options, backoff.WithMaxTries(1))
	}
	a, err = backoff.Retry(ctx, func() (answer, error) { return db.attempt(ctx, c, take) }, options...)
	switch {
	case err == nil || errors.As(err, new(*remoteError)):
		if db.silent.CompareAndSwap(true, false) {
			db.o.Logger.Info("the storage answers again", "storage", db.url)
		}
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = fmt.Errorf("storage %s: %w", db.url, err)
	}
	return a, err
}

// attempt makes a call once. An error that is not permanent is worth another attempt.
func (db *DB) attempt(ctx context.Context, c *request, take func(answer, *reader) error) (a answer, err error) {
	var body io.Reader = bytes.NewReader(c.head)
	if len(c.data) > 0 {
		body = io.MultiReader(body, bytes.NewReader(c.data))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, db.url+Path+c.method, body)
	if err != nil {
		return a, backoff.Permanent(err)
	}
	r.ContentLength = int64(len(c.head) + len(c.data))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set(versionHeader, strconv.Itoa(protocol))
	if db.o.Token != "" {
		r.Header.Set("Authorization", "Bearer "+db.o.Token)
	}
	if c.writes() {
		r.Header.Set(keyHeader, c.key)
		if c.instance != "" {
			r.Header.Set(instanceHeader, c.instance)
		}
	}
	response, err := db.client.Do(r)
	if err != nil {
		return a, db.lost(c, err)
	}
	defer response.Body.Close()
	if response.Header.Get("Content-Type") != contentType {
		return a, db.foreign(c, response)
	}
	if name := response.Header.Get(instanceHeader); name != "" {
		db.instance.Store(&name)
	}
	in := newReader(response.Body)
	err = in.line(&a)
	if err == nil && a.Error != nil {
		return a, backoff.Permanent(a.Error.err())
	}
	if err == nil && take != nil {
		err = take(a, in)
	}
	if err == nil {
		err = in.end()
	}
	var failed *remoteError
	switch {
	case err == nil:
		return a, nil
	case errors.As(err, &failed), ctx.Err() != nil:
		return a, backoff.Permanent(err)
	}
	return a, db.lost(c, fmt.Errorf("the answer is incomplete: %w", err))
}

// lost notes that there was no answer, and returns a permanent error if there will not be one.
func (db *DB) lost(c *request, err error) error {
	var op *net.OpError
	var dns *net.DNSError
	var tlsRecord tls.RecordHeaderError
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the address, which the caller adds
	}
	dialed := !errors.As(err, &op) || op.Op != "dial"
	switch {
	case errors.As(err, &dns) && dns.IsNotFound, errors.As(err, &tlsRecord), errors.As(err, new(*tls.CertificateVerificationError)),
		errors.As(err, new(x509.UnknownAuthorityError)), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return backoff.Permanent(err)
	case dialed && c.instance == "":
		if name := db.instance.Load(); name != nil {
			c.instance = *name
		}
	}
	return err
}

// foreign returns the error for an answer that is not a storage's: a proxy's, or of what checks tokens.
func (db *DB) foreign(c *request, response *http.Response) error {
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so the connection can be used again
	status := response.StatusCode
	switch {
	case status == http.StatusUnauthorized && db.o.Token == "":
		return backoff.Permanent(ErrToken)
	case status == http.StatusUnauthorized:
		return backoff.Permanent(refused("the server refuses the token"))
	case status == http.StatusForbidden && c.writes():
		return backoff.Permanent(fmt.Errorf("%w: the token may only read", storage.ErrReadOnly))
	case status == http.StatusForbidden:
		return backoff.Permanent(refused("the server refuses the token"))
	case status == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		if seconds > 0 && seconds < 60 {
			return fmt.Errorf("the server has too many requests: %w", backoff.RetryAfter(seconds))
		}
		return errors.New("the server has too many requests")
	case status == http.StatusRequestEntityTooLarge:
		return backoff.Permanent(errors.New("the server refuses a message of this size"))
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return db.lost(c, fmt.Errorf("the server answers %s", response.Status))
	}
	return backoff.Permanent(fmt.Errorf("it answers %s and is not a Bluefin server", response.Status))
}
