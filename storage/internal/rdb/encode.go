package rdb

import (
	"database/sql"
	"fmt"
	"math"
	"time"
)

// TimeLayout is how Optuna 5 writes times, in UTC. There must be six digits,
// because its reader takes a shorter fraction for microseconds.
const TimeLayout = "2006-01-02 15:04:05.000000"

// now is in microseconds because a file holds no more: a trial is the same before and
// after a reload.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// encodeTime returns a time as Optuna 5 stores it. The zero time is NULL.
func encodeTime(t time.Time) sql.NullString {
	if t.IsZero() {
		return sql.NullString{}
	}
	return sql.NullString{String: t.UTC().Format(TimeLayout), Valid: true}
}

// DecodeTime reads a time with any number of fractional digits.
func DecodeTime(s sql.NullString) (time.Time, error) {
	if !s.Valid {
		// NULL is the zero time.
		return time.Time{}, nil
	}
	return time.Parse("2006-01-02 15:04:05", s.String)
}

// encodeFloat returns a number and the value of its type column: SQLite has no
// NaN, and Optuna keeps infinities out of the number column.
func encodeFloat(x float64) (value sql.NullFloat64, kind string) {
	switch {
	case math.IsNaN(x):
		return value, "NAN"
	case math.IsInf(x, 1):
		return value, "INF_POS"
	case math.IsInf(x, -1):
		return value, "INF_NEG"
	}
	return sql.NullFloat64{Float64: x, Valid: true}, "FINITE"
}

// DecodeFloat is the inverse of encodeFloat, and fails on a pair that Optuna never writes.
func DecodeFloat(value sql.NullFloat64, kind string) (float64, error) {
	switch {
	case kind == "FINITE" && value.Valid:
		return value.Float64, nil
	case kind == "INF_POS":
		return math.Inf(1), nil
	case kind == "INF_NEG":
		return math.Inf(-1), nil
	case kind == "NAN":
		return math.NaN(), nil
	}
	return 0, fmt.Errorf("value %v of type %q", value.Float64, kind)
}
