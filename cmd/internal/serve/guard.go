package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/api"
	"github.com/bluefin-hpo/bluefin/storage/remote"
)

type clientKey struct{}

// ClientOf returns who sent a request that the guard let pass.
func ClientOf(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}

// clientName names the sender of a request, by its token or else its address.
func clientName(r *http.Request) string {
	if name := ClientOf(r.Context()).Name; name != "" {
		return name
	}
	return address(r)
}

// address is the IP address of a client.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// guard lets pass what may: it knows the client, its rights and its rate, keeps pages of strangers out, cuts off slow
// bodies, and survives panics.
func (s *Server) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, flow := time.Now(), http.NewResponseController(w)
		seen := &status{ResponseWriter: w, flow: flow}
		w = seen
		if r.ContentLength != 0 {
			_ = flow.SetReadDeadline(start.Add(s.pause)) // also of a body that nobody reads
		}
		route := s.routeName(r)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.cfg.Logger.Error("a request failed", "route", route, "panic", p, "stack", string(debug.Stack()))
				if seen.code == 0 {
					s.refuse(w, r, &api.Problem{Code: "internal", Status: http.StatusInternalServerError, Detail: "the server failed"})
				}
			}
			if r.ProtoMajor == 1 {
				_ = flow.SetWriteDeadline(time.Now().Add(writeWithin)) // of the rest of the answer
			}
			s.metrics.request(route, r.Method, seen.code, time.Since(start))
		}()
		if s.health(w, r) {
			return
		}
		_, bears := bearer(r)
		typed, login := "", s.cfg.Tokens != nil && !bears && route == "dashboard"
		var client Client
		var p *api.Problem
		if known := false; login {
			client, typed, known = s.pages.enter(w, r)
			login = typed != "" || !known
			if !known {
				p = errToken
			}
		} else {
			client, p = s.admit(r)
		}
		if p == nil && !isGRPC(r) && origins.Check(r) != nil {
			p = &api.Problem{Code: "origin", Status: http.StatusForbidden, Detail: "the request comes from a page of another site"}
		}
		wait := s.rates.take(client.Name, address(r), p != nil)
		_ = flow.SetWriteDeadline(time.Time{}) // that of the last request
		switch {
		case wait > 0:
			w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
			s.refuse(w, r, &api.Problem{Code: "rate", Status: http.StatusTooManyRequests, Detail: "too many requests, want them slower"})
			return
		case login && (p == nil || p == errToken):
			s.pages.login(w, r, typed, p == nil)
			return
		case p != nil:
			s.refuse(w, r, p)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), clientKey{}, client))
		if r.Body != http.NoBody {
			slow := &slowBody{ReadCloser: r.Body, flow: flow, start: start, pause: s.pause}
			big := &bigBody{slowBody: slow, ctx: r.Context(), turns: s.bigJSON, left: bigJSONFrom}
			if isGRPC(r) {
				big.turns, big.left = s.big, bigFrom
			}
			defer big.end()
			r.Body = big
		}
		next.ServeHTTP(w, r)
	})
}

var errToken = &api.Problem{Code: "unauthorized", Status: http.StatusUnauthorized,
	Detail: "a token is needed: Authorization: Bearer TOKEN"}

// admit returns who sends a request, or why it is refused.
func (s *Server) admit(r *http.Request) (c Client, p *api.Problem) {
	if s.cfg.Tokens == nil {
		// Only this machine can connect. A page of a stranger can lead its own name here (DNS rebinding), but cannot
		// change what the browser then sends as the host.
		if !s.hostAllowed(r.Host) {
			return c, &api.Problem{Code: "host", Status: http.StatusForbidden, Field: "Host", Value: r.Host,
				Allowed: "an IP address, localhost, or a name of --host",
				Detail:  fmt.Sprintf("this server does not answer to the host %q, want an IP address, localhost, or a name of --host", r.Host)}
		}
		return Client{Write: true}, nil
	}
	text, given := bearer(r)
	c, known := s.cfg.Tokens.Find(text)
	switch {
	case !given:
		return Client{}, errToken
	case !known:
		return Client{}, &api.Problem{Code: "unauthorized", Status: http.StatusUnauthorized, Detail: "the token is not one of this server's"}
	case !c.Write && s.writes(r):
		return c, &api.Problem{Code: "read-only", Status: http.StatusForbidden, Detail: "the token may only read"}
	}
	return c, nil
}

// writes reports whether a request may change something.
func (s *Server) writes(r *http.Request) bool {
	switch {
	case isGRPC(r):
		return !readingCall(r.URL.Path)
	case strings.HasPrefix(r.URL.Path, remote.Path+"read/"):
		return false
	}
	return r.Method != http.MethodGet && r.Method != http.MethodHead
}

// hostAllowed reports whether a client may call this server so.
func (s *Server) hostAllowed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	return slices.ContainsFunc(s.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// refuse answers a request with a problem, in the words of its protocol.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *api.Problem) {
	if s.noted.Allow() {
		s.cfg.Logger.Warn("a request was refused: "+p.Detail, "address", address(r), "route", s.routeName(r))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="bluefin"`)
	}
	if !isGRPC(r) {
		api.Fail(w, r, s.cfg.Logger, p)
		return
	}
	code := codes.PermissionDenied
	switch p.Status {
	case http.StatusUnauthorized:
		code = codes.Unauthenticated
	case http.StatusTooManyRequests:
		code = codes.ResourceExhausted
	case http.StatusInternalServerError:
		code = codes.Internal
	}
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", fmt.Sprint(int(code)))
	h.Set("Grpc-Message", p.Detail)
	w.WriteHeader(http.StatusOK)
}

// CheckListen returns an error if a server at the address would serve other machines without tokens. Its text
// follows "--listen is".
func CheckListen(addr string, tokens bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q, want HOST:PORT", addr)
	}
	if IsLoopback(host) || tokens {
		return nil
	}
	return fmt.Errorf("%q, which other machines can reach: want --token-file too, or 127.0.0.1", addr)
}

// IsLoopback reports whether only this machine can reach the host.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
