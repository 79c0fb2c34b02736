package main

import (
	"os"
	"path/filepath"
	"sync"
)

// A searchKey identifies a search of another package.
type searchKey struct {
	Task   string `json:"task"`
	Search string `json:"search"`
	Belief string `json:"belief"`
	Seed   int    `json:"seed"`
}

// storedSearches remember the searches of other packages, which do not change.
type storedSearches struct {
	mu    sync.Mutex
	known map[searchKey]searchLine
	file  *os.File // nil: in memory only
}

// A searchLine is a line of the file of searches.
type searchLine struct {
	searchKey
	Epochs int    `json:"epochs"` // the budget
	Steps  []step `json:"steps"`
}

func openSearches(dir string) (*storedSearches, error) {
	s := &storedSearches{known: map[searchKey]searchLine{}}
	if dir == "" {
		return s, nil
	}
	path := filepath.Join(dir, "searches.jsonl")
	err := eachLine(path, func(l searchLine) {
		if l.Epochs > s.known[l.searchKey].Epochs {
			s.known[l.searchKey] = l
		}
	})
	if err != nil {
		return nil, err
	}
	s.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return s, err
}

func (s *storedSearches) get(k searchKey, epochs int) ([]step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.known[k]
	return l.Steps, ok && l.Epochs >= epochs
}

func (s *storedSearches) put(k searchKey, epochs int, steps []step) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := searchLine{k, epochs, steps}
	s.known[k] = l
	if s.file == nil {
		return nil
	}
	return appendLine(s.file, l)
}
