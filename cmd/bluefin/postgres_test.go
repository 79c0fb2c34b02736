package main

import (
	"net/url"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
)

// TestPostgresScripts runs the sessions of testdata/postgres beside a database at $DATABASE, which is
// new for each. $PASSWORD is in that URL, and $OPTUNA is how SQLAlchemy writes it.
func TestPostgresScripts(t *testing.T) {
	server := pgtest.Start(t)
	testscript.Run(t, testscript.Params{Dir: "testdata/postgres", RequireExplicitExec: true, Setup: func(env *testscript.Env) error {
		database := server.Database(t)
		env.Setenv("DATABASE", database)
		u, err := url.Parse(database)
		if err != nil {
			return err
		}
		password, _ := u.User.Password()
		env.Setenv("PASSWORD", password)
		env.Setenv("OPTUNA", pgtest.SQLAlchemy(database))
		return nil
	}})
}
