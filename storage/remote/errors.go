package remote

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bluefin-hpo/bluefin/storage"
)

// A failure is an error on its way.
type failure struct {
	Kind   string  `json:"kind"`
	Text   string  `json:"text"`
	Budget *budget `json:"budget,omitempty"`
}

// A budget is a storage.BudgetError.
type budget struct {
	Study  string `json:"study"`
	Budget int    `json:"budget"`
	Leased int    `json:"leased"`
}

// otherKind is that of failures which are no error of the contract.
const otherKind = "other"

// errRestarted refuses a repeated call that another instance may have made.
var errRestarted = errors.New("the server restarted during the call")

// A kind is an error of the contract, the first that an error matches.
type kind struct {
	name   string
	err    error
	status int // of HTTP, for those who watch
}

func kinds() []kind {
	return []kind{
		{"restarted", errRestarted, http.StatusPreconditionFailed},
		{"exist", storage.ErrExist, http.StatusConflict},
		{"not_exist", storage.ErrNotExist, http.StatusNotFound},
		{"finished", storage.ErrFinished, http.StatusConflict},
		{"lost", storage.ErrLost, http.StatusConflict},
		{"budget", storage.ErrBudget, http.StatusConflict},
		{"changed", storage.ErrChanged, http.StatusConflict},
		{"read_only", storage.ErrReadOnly, http.StatusForbidden},
		{"invalid", storage.ErrInvalid, http.StatusUnprocessableEntity},
	}
}

// encodeError returns an error and its status of HTTP.
func encodeError(err error) (*failure, int) {
	f := &failure{Kind: otherKind, Text: err.Error()}
	var full *storage.BudgetError
	if errors.As(err, &full) {
		f.Budget = &budget{full.Study, full.Budget, full.Leased}
	}
	for _, k := range kinds() {
		if errors.Is(err, k.err) {
			f.Kind = k.name
			return f, k.status
		}
	}
	return f, http.StatusInternalServerError
}

// err is the inverse of encodeError.
func (f *failure) err() error {
	e := &remoteError{text: f.Text}
	if f.Budget != nil {
		e.is = &storage.BudgetError{Study: f.Budget.Study, Budget: f.Budget.Budget, Leased: f.Budget.Leased}
		return e
	}
	for _, k := range kinds() {
		if f.Kind == k.name {
			e.is = k.err
		}
	}
	return e
}

// A remoteError has the text of the server's error and matches the same.
type remoteError struct {
	text string
	is   error // nil: nothing of the contract
}

// Error implements error.
func (e *remoteError) Error() string { return e.text }

// Unwrap returns what the error matches.
func (e *remoteError) Unwrap() error { return e.is }

// invalid is the error for a message that breaks the rules.
func invalid(err error) error {
	if errors.Is(err, storage.ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", storage.ErrInvalid, err)
}
