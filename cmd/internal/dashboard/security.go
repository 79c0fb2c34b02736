package dashboard

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// policy lets a page load only what this server sends, and no page hold it in a frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure adds the headers of every answer, and refuses strangers: other host names, other origins,
// and viewers without the token.
func (s *Server) secure(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, statusf(http.StatusForbidden, "The request comes from another site, so nothing was changed."))
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: browsers then send forms with "Origin: null". On a plain address of the network they
		// send nothing else that tells our forms from a stranger's.
		h.Set("Referrer-Policy", "same-origin")
		if r.TLS != nil || isLoopback(hostName(r.Host)) { // elsewhere browsers ignore it, and complain
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !s.hostAllowed(r.Host):
			s.fail(w, r, statusf(http.StatusForbidden, "This dashboard does not answer to the host %q. "+
				"Open it by its IP address or as localhost, or start it with --host and that name.", r.Host))
		case !s.knows(r):
			s.askToken(w, r)
		case r.Method == http.MethodGet && r.URL.Query().Has("token"):
			s.keepToken(w, r, withoutToken(r.URL))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hostAllowed reports whether a browser may call this server so. A page of a stranger can make its
// own name lead here (DNS rebinding), but cannot change what the browser then sends as the host.
func (s *Server) hostAllowed(host string) bool {
	host = hostName(host)
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	return slices.ContainsFunc(s.cfg.Hosts, func(h string) bool { return h == "*" || strings.EqualFold(h, host) })
}

// hostName returns a host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
}

// isLoopback reports whether only this machine can reach the host.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// knows reports whether the request has the token: as a cookie, as a bearer or in the query. The
// form that asks for it and the style of its page need none.
func (s *Server) knows(r *http.Request) bool {
	if s.cfg.Token == "" || r.URL.Path == "/login" && r.Method == http.MethodPost ||
		strings.HasPrefix(r.URL.Path, "/static/") {
		return true
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.isToken(bearer) {
		return true
	}
	if r.Method == http.MethodGet && s.isToken(r.URL.Query().Get("token")) {
		return true
	}
	c, err := r.Cookie(s.cookieName())
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.session())) == 1
}

// isToken compares in a time that depends on neither text.
func (s *Server) isToken(text string) bool {
	a, b := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(s.cfg.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// session is the value of the cookie, from which nobody finds the token.
func (s *Server) session() string { return s.derived("session") }

// cookieName differs between servers, since browsers share cookies between the ports of a host.
func (s *Server) cookieName() string { return "bluefin_" + s.derived("name")[:16] }

func (s *Server) derived(purpose string) string {
	mac := hmac.New(sha256.New, []byte(s.cfg.Token))
	mac.Write([]byte(purpose))
	return hex.EncodeToString(mac.Sum(nil))
}

// keepToken stores a cookie in the browser and leads it to the address.
func (s *Server) keepToken(w http.ResponseWriter, r *http.Request, to string) {
	if s.cfg.Token != "" {
		http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: s.session(), Path: "/", HttpOnly: true,
			Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode, MaxAge: 30 * 24 * 3600})
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// withoutToken is an address of this server without the token, which history and screenshots
// would show.
func withoutToken(u *url.URL) string {
	q := u.Query()
	q.Del("token")
	return (&url.URL{Path: "/" + strings.TrimLeft(u.Path, "/"), RawQuery: q.Encode()}).String()
}

// login takes the token from the form.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	// Strangers get here: none may hold a connection with a form that never ends.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Second))
	values, err := form(w, r)
	if err != nil {
		return err
	}
	if !s.isToken(values.Get("token")) {
		return s.tokenPage(w, r, "That is not the token.")
	}
	s.keepToken(w, r, "/")
	return nil
}

// askToken answers a viewer without the token.
func (s *Server) askToken(w http.ResponseWriter, r *http.Request) {
	said := ""
	if r.URL.Query().Has("token") || r.Header.Get("Authorization") != "" {
		said = "That is not the token."
	}
	s.fail(w, r, s.tokenPage(w, r, said))
}

// AskToken shows a form for the token to a viewer whom another server, which knows the tokens, does not let pass.
// The form goes to /login. said is what was wrong with the last one.
func (s *Server) AskToken(w http.ResponseWriter, r *http.Request, said string) {
	s.secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, s.tokenPage(w, r, said)) })).ServeHTTP(w, r)
}

// tokenPage shows a form for the token.
func (s *Server) tokenPage(w http.ResponseWriter, r *http.Request, said string) error {
	w.Header().Set("WWW-Authenticate", `Bearer realm="bluefin dashboard"`)
	if !wantsPage(r) {
		return statusf(http.StatusUnauthorized, "This dashboard wants its token: Authorization: Bearer TOKEN.")
	}
	return s.page(w, r, http.StatusUnauthorized, "token.html", view{Title: "Token", Body: said})
}

// CheckListen returns an error if a server at the address would show the file to the network
// without a token. Its text follows "the address is".
func CheckListen(addr, token string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q, want HOST:PORT", addr)
	}
	if isLoopback(host) || token != "" {
		return nil
	}
	return fmt.Errorf("%q, which other machines can reach, so viewers need a token: want --token-file too, or 127.0.0.1", addr)
}
