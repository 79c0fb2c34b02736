package dashboard

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const testToken = "correct-horse-battery"

func TestStrangersAreRefused(t *testing.T) {
	db, s := openTest(t, Config{Token: testToken, Hosts: []string{"lab.example"}})
	importTest(t, db, "secret-study", complete(1, 0.1, 1, 0))
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	none := func(*http.Request) {}
	for _, c := range []struct {
		name, method, target string
		change               func(*http.Request)
		want                 int
	}{
		{"no token", "GET", "/", none, 401},
		{"no token for the API", "GET", "/api/studies/1/plots/history", none, 401},
		{"no token for events", "GET", "/api/events", none, 401},
		{"no token for the CSV", "GET", "/studies/1/trials.csv", none, 401},
		{"no token for what is missing", "GET", "/nothing", none, 401},
		{"another token", "GET", "/", bearer("wrong"), 401},
		{"the start of the token", "GET", "/", bearer(testToken[:5]), 401},
		{"an empty token", "GET", "/?token=", none, 401},
		{"the token in a header", "GET", "/", bearer(testToken), 200},
		{"the token in the address", "GET", "/?token=" + testToken, none, 303},
		{"the token in the address of a POST", "POST", "/studies/1/stop?token=" + testToken, none, 401},
		{"another token in the form", "POST", "/login", none, 401},
		{"no host", "GET", "/", func(r *http.Request) { bearer(testToken)(r); r.Host = "" }, 403},
		{"a stranger's host", "GET", "/", func(r *http.Request) { bearer(testToken)(r); host("evil.example")(r) }, 403},
		{"a host that only ends as ours", "GET", "/", func(r *http.Request) { bearer(testToken)(r); host("x.lab.example")(r) }, 403},
		{"a host that only begins as ours", "GET", "/", func(r *http.Request) { bearer(testToken)(r); host("localhost.evil.example")(r) }, 403},
		{"a named host", "GET", "/", func(r *http.Request) { bearer(testToken)(r); host("LAB.example:8080")(r) }, 200},
		{"localhost", "GET", "/", func(r *http.Request) { bearer(testToken)(r); host("localhost:1")(r) }, 200},
		{"an IPv6 address", "GET", "/", func(r *http.Request) { bearer(testToken)(r); host("[::1]:8080")(r) }, 200},
		{"a form of another site", "POST", "/login", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"a form of another origin", "POST", "/login", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		{"a form of a site beside this one", "POST", "/login", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		{"another method", "PUT", "/", bearer(testToken), 405},
		{"a POST to a page", "POST", "/studies/1/trials", bearer(testToken), 405},
		{"styles need no token", "GET", s.static.path + "/vendor/uPlot.min.css", none, 200},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(""))
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		c.change(r)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		got := w.Result()
		if got.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.name, got.StatusCode, c.want, body(t, got))
		}
		if text := w.Body.String(); c.want >= 400 && strings.Contains(text, "secret-study") {
			t.Errorf("%s: a stranger sees %s", c.name, text)
		}
		checkHeaders(t, c.name, got.Header)
	}
}

// checkHeaders checks what each answer must have.
func checkHeaders(t *testing.T, name string, h http.Header) {
	t.Helper()
	csp := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(csp, "unsafe") ||
		!strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") {
		t.Errorf("%s: Content-Security-Policy is %q", name, csp)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("%s: headers are %v", name, h)
	}
	if len(h["Access-Control-Allow-Origin"]) > 0 {
		t.Errorf("%s: other sites may read it", name)
	}
}

func TestTheTokenBecomesACookie(t *testing.T) {
	db, s := openTest(t, Config{Token: testToken})
	importTest(t, db, "a", complete(1, 0.1, 1, 0))
	login := func() *http.Response {
		form := url.Values{"token": {testToken}}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form.Encode()))
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	for name, answer := range map[string]*http.Response{
		"the link": get(t, s, "/studies/1?state=COMPLETE&token="+testToken), "the form": login()} {
		to := answer.Header.Get("Location")
		if answer.StatusCode != 303 || strings.Contains(to, testToken) || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			t.Fatalf("%s: status %d to %q", name, answer.StatusCode, to)
		}
		if name == "the link" && to != "/studies/1?state=COMPLETE" {
			t.Errorf("%s leads to %q", name, to)
		}
		c := answer.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || strings.Contains(c.Value, testToken) {
			t.Errorf("%s: the cookie is %v", name, c)
		}
		if r := get(t, s, "/studies/1", func(r *http.Request) { r.AddCookie(c) }); r.StatusCode != 200 {
			t.Errorf("%s: status %d with the cookie", name, r.StatusCode)
		}
		c.Value = "0" + c.Value[1:] + "0"
		if r := get(t, s, "/studies/1", func(r *http.Request) { r.AddCookie(c) }); r.StatusCode != 401 {
			t.Errorf("%s: status %d with another cookie", name, r.StatusCode)
		}
	}
	// A link to //evil.example?token=… must not lead there.
	if to := get(t, s, "//evil.example/?token="+testToken).Header.Get("Location"); strings.HasPrefix(to, "//") {
		t.Errorf("a link with two slashes leads to %q", to)
	}
}

func TestOnlyThisMachineIsServedWithoutToken(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:8080": true, "localhost:0": true, "[::1]:80": true, "127.9.9.9:1": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "192.168.1.2:80": false, "lab:80": false, "8080": false, "": false} {
		if err := CheckListen(addr, ""); (err == nil) != want {
			t.Errorf("%q without a token: %v", addr, err)
		}
		if err := CheckListen(addr, testToken); (err == nil) != strings.Contains(addr, ":") {
			t.Errorf("%q with a token: %v", addr, err)
		}
	}
}
