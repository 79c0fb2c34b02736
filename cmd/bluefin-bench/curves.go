package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
)

// curves remember trainings, so that many searches share them: a training is a function of its
// setting. A file has a line of JSON for each; of two with the same parameters the longer one
// counts. Several programs may append to it.
type curves struct {
	mu    sync.Mutex
	known map[string][]float64 // by key
	file  *os.File             // nil: in memory only
}

// A curveLine is a line of the file.
type curveLine struct {
	Params point     `json:"params"`
	Curve  []float64 `json:"curve"`
}

// openCurves reads the file, which need not exist.
func openCurves(path string, keep bool) (*curves, error) {
	c := &curves{known: map[string][]float64{}}
	if !keep {
		return c, nil
	}
	err := eachLine(path, func(l curveLine) {
		if k := l.Params.key(); len(l.Curve) > len(c.known[k]) {
			c.known[k] = l.Curve
		}
	})
	if err != nil {
		return nil, err
	}
	c.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return c, err
}

// eachLine calls f for each line of a file of JSON, which need not exist.
func eachLine[T any](path string, f func(T)) error {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for n := 1; lines.Scan(); n++ {
		var l T
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		f(l)
	}
	return lines.Err()
}

// appendLine writes one line at once, so that lines of several programs do not mix.
func appendLine(file *os.File, line any) error {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = file.Write(append(text, '\n'))
	}
	return err
}

// key is the same for equal points.
func (p point) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%v ", name, p[name])
	}
	return b.String()
}

// get returns a curve of at least n epochs, trained if it is not known.
func (c *curves) get(p point, n int, training func() ([]float64, error)) ([]float64, error) {
	k := p.key()
	c.mu.Lock()
	curve := c.known[k]
	c.mu.Unlock()
	if len(curve) >= n {
		return curve, nil
	}
	// Two searches may train the same at once; they get the same curve.
	curve, err := training()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(curve) > len(c.known[k]) {
		c.known[k] = curve
		if c.file != nil {
			return curve, appendLine(c.file, curveLine{p, curve})
		}
	}
	return c.known[k], nil
}

// least is the least value of a training of the given length.
func (c *curves) least(epochs int) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	least := math.Inf(1)
	for _, curve := range c.known {
		if len(curve) >= epochs {
			least = math.Min(least, slices.Min(curve))
		}
	}
	return least
}
