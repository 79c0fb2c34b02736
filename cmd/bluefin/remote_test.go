package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// TestRemoteScripts runs the sessions of testdata/remote beside a server at $SERVED, whose studies are in
// served.db. It wants the token "reader" to read, or "writer".
func TestRemoteScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/remote", RequireExplicitExec: true, Setup: func(env *testscript.Env) error {
		db, err := sqlite.Open(context.Background(), filepath.Join(env.WorkDir, "served.db"), sqlite.Options{NoSync: true})
		if err != nil {
			return err
		}
		h := remote.Handler(db)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			reads := strings.HasPrefix(r.URL.Path, remote.Path+"read/")
			switch {
			case token == "writer", token == "reader" && reads:
				h.ServeHTTP(w, r)
			case token == "reader":
				http.Error(w, "the token may only read", http.StatusForbidden)
			default:
				http.Error(w, "want a token", http.StatusUnauthorized)
			}
		}))
		env.Defer(func() {
			server.Close()
			db.Close()
		})
		env.Setenv("SERVED", server.URL)
		env.Setenv("BLUEFIN_TOKEN", "writer")
		return nil
	}})
}
