package serve

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard"
)

// pages are the dashboard, twice: one for those who may write, one for those who may only read. Browsers send no
// bearer token, so a viewer gives the token once, in a form or a link, and the browser keeps a cookie, which opens
// the pages and nothing else.
type pages struct {
	write, read *dashboard.Server
	tokens      *Tokens
	cookie      string // its name
}

func newPages(ctx context.Context, cfg Config) (*pages, error) {
	// With tokens, the name by which a browser calls this server opens nothing.
	p := &pages{tokens: cfg.Tokens}
	show := dashboard.Config{Path: cfg.Name, Storage: cfg.Storage, Word: cfg.Word, Hosts: cfg.Hosts, AllowWrite: true,
		ArtifactDir: cfg.ArtifactDir, Logger: cfg.Logger, Engine: cfg.Engine, Rerun: cfg.Rerun}
	if p.tokens != nil {
		// Browsers share cookies between the ports of a host.
		sum := sha256.Sum256([]byte("bluefin serve " + cfg.Tokens.path))
		show.Hosts, p.cookie = []string{"*"}, "bluefin_serve_"+hex.EncodeToString(sum[:8])
	}
	var err error
	if p.write, err = dashboard.New(ctx, show); err == nil && p.tokens != nil {
		show.AllowWrite = false
		p.read, err = dashboard.New(ctx, show)
	}
	return p, err
}

// end ends streams of events.
func (p *pages) end() {
	p.write.End()
	if p.read != nil {
		p.read.End()
	}
}

func (p *pages) close() error {
	err := p.write.Close()
	if p.read != nil {
		err = errors.Join(err, p.read.Close())
	}
	return err
}

// ServeHTTP shows a page to a viewer whom the guard has let pass.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.read != nil && !ClientOf(r.Context()).Write {
		p.read.ServeHTTP(w, r)
		return
	}
	p.write.ServeHTTP(w, r)
}

// enter returns the client of a viewer without a bearer token, and whether it is known: by the cookie, or by a token
// that was typed or is in a link. What the page with the form needs, everybody may have.
func (p *pages) enter(w http.ResponseWriter, r *http.Request) (c Client, typed string, known bool) {
	if cookie, err := r.Cookie(p.cookie); err == nil {
		if c, ok := p.tokens.ofSession(cookie.Value); ok {
			return c, "", true
		}
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/static/"):
		return c, "", true
	case r.Method == http.MethodPost && r.URL.Path == "/login":
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		typed = r.PostFormValue("token")
	case r.Method == http.MethodGet:
		typed = r.URL.Query().Get("token")
	}
	c, known = p.tokens.Find(typed)
	return c, typed, known
}

// login answers a viewer who has typed a token, or has none.
func (p *pages) login(w http.ResponseWriter, r *http.Request, typed string, known bool) {
	switch {
	case typed == "":
		p.write.AskToken(w, r, "")
		return
	case !known:
		p.write.AskToken(w, r, "That is not a token of this server.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: p.cookie, Value: p.tokens.session(typed), Path: "/", HttpOnly: true,
		Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode, MaxAge: 30 * 24 * 3600})
	to := url.URL{Path: "/"}
	if r.Method == http.MethodGet { // the same page, without the token, which history and screenshots would show
		q := r.URL.Query()
		q.Del("token")
		to = url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: q.Encode()}
	}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// session is the value of the cookie, from which nobody finds the token.
func (t *Tokens) session(text string) string { return sessionOf(sha256.Sum256([]byte(text))) }

func sessionOf(sum [sha256.Size]byte) string {
	mac := hmac.New(sha256.New, sum[:])
	mac.Write([]byte("session"))
	return hex.EncodeToString(mac.Sum(nil))
}

// ofSession returns the client of a cookie. One whose token has left the file is worth nothing.
func (t *Tokens) ofSession(value string) (c Client, ok bool) {
	found := 0
	for _, one := range t.now() {
		if subtle.ConstantTimeCompare([]byte(sessionOf(one.sum)), []byte(value)) == 1 {
			c, found = one.client, 1
		}
	}
	return c, found == 1
}
