package dashboard

import (
	"context"
	"net"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// Browsers tell servers at plain addresses of the network less about a request than those at a loopback
// address.
func TestBrowserOnTheNetwork(t *testing.T) {
	b := startChromium(t)
	l, err := net.Listen("tcp", net.JoinHostPort(networkAddress(t), "0"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	importTest(t, db, "a", complete(2, 0.125, 1, 0))
	s, err := New(context.Background(), Config{Path: path, AllowWrite: true, Token: testToken})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(func() {
		s.End()
		server.CloseClientConnections()
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := b.open(t, server.URL, 800, 800)
	w.expected = "401 (Unauthorized)"
	w.do(chromedp.Navigate(server.URL + "/studies/1"))
	w.run(`document.querySelector('#token').value = '` + testToken + `'; document.querySelector('form.token button').click()`)
	w.wait(`location.pathname === '/' && document.querySelector('#studies')`, "the list of studies")
	w.visit("/studies/1/note")
	w.run(`document.querySelector('textarea').value = 'seen'; document.querySelector('main form[method=post] button').click()`)
	w.wait(`location.pathname === '/studies/1' && document.body?.innerText.includes('The note is saved.')`, "a note")
}

// networkAddress is an address of this machine that others can reach.
func networkAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("this machine is on no network")
	return ""
}
