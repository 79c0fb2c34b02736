package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// parse returns the settings of a URL, and its pool_max_conns or 0. Errors never contain the
// password.
func parse(text string) (config *pgx.ConnConfig, connections int, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	// SQLAlchemy names its driver in the scheme: postgresql+psycopg2.
	if dialect, _, _ := strings.Cut(scheme, "+"); dialect != "postgresql" && dialect != "postgres" {
		return nil, 0, fmt.Errorf("its URL starts with %q, want postgresql://", scheme+"://")
	}
	u, err := url.Parse("postgresql://" + rest)
	if err != nil {
		var e *url.Error // whose text is the whole URL
		if errors.As(err, &e) {
			err = e.Err
		}
		if strings.Contains(rest, "@") {
			return nil, 0, errors.New("its URL is invalid; a user or password has its special characters as %XX there")
		}
		return nil, 0, fmt.Errorf("its URL is invalid: %w", err)
	}
	query := u.Query()
	if n := query.Get("pool_max_conns"); n != "" {
		if connections, err = strconv.Atoi(n); err != nil || connections < 1 {
			return nil, 0, fmt.Errorf("pool_max_conns is %q in its URL, want a number of at least 1", n)
		}
		query.Del("pool_max_conns")
		u.RawQuery = query.Encode()
	}
	config, err = pgx.ParseConfig(u.String())
	if err != nil {
		// The text of pgx may quote the URL.
		cause := errors.Unwrap(err)
		if cause == nil {
			cause = errors.New("see the parameters of PostgreSQL's connection URIs")
		}
		return nil, 0, fmt.Errorf("its URL is invalid: %w", hidden(cause, u))
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "bluefin"
	}
	config.RuntimeParams["datestyle"] = "ISO"
	config.RuntimeParams["standard_conforming_strings"] = "on" // pgx insists
	return config, connections, nil
}

// hidden removes the password of the URL from an error.
func hidden(err error, u *url.URL) error {
	text := err.Error()
	secrets := []string{u.Query().Get("password")}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password))
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "xxxxx")
		}
	}
	return errors.New(text)
}

// place names a database for messages.
func place(config *pgx.ConnConfig) string {
	where := config.Host
	if !strings.HasPrefix(where, "/") { // a folder with a socket
		where = fmt.Sprintf("%s:%d", where, config.Port)
	}
	return config.Database + " at " + where
}
