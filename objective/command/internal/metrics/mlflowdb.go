package metrics

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// An mlflowTable is the table of metrics in MLflow's database.
type mlflowTable struct {
	path string
	last int64 // the number of the last row that was read
}

func (m *mlflowTable) read(to *sink) {
	// An error means that this is another kind of file, or that it is locked and is read later.
	_ = m.query(to)
}

func (m *mlflowTable) query(to *sink) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	path := "/" + strings.TrimPrefix(filepath.ToSlash(m.path), "/") // also on Windows
	u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return err
	}
	defer db.Close()
	var newest sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT max(rowid) FROM metrics").Scan(&newest); err != nil {
		return err
	}
	if newest.Int64 < m.last { // runs were deleted
		m.last = 0
		to.restart()
	}
	rows, err := db.QueryContext(ctx,
		"SELECT rowid, key, value, is_nan, step FROM metrics WHERE rowid > ? ORDER BY rowid", m.last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var x float64
		var nan bool
		p := Point{}
		if err := rows.Scan(&m.last, &name, &x, &nan, &p.Step); err != nil {
			return fmt.Errorf("row %d: %w", m.last, err)
		}
		if nan {
			x = math.NaN()
		}
		p.Values = map[string]float64{name: x}
		to.point(p)
	}
	return rows.Err()
}
