package pgtest

import "strings"

// SQLAlchemy returns the URL of a database for Optuna. It names the driver, since the one that SQLAlchemy
// takes otherwise depends on its version.
func SQLAlchemy(url string) string {
	return strings.Replace(url, "postgresql://", "postgresql+psycopg2://", 1)
}
