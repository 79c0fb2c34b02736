package prefix

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
)

// A file of features is named KEY.features and holds, little-endian: magic, the key, the cost in
// nanoseconds, rows, columns and the number of lengths (uint64 each), the lengths (uint32), the
// numbers (float32), and the SHA-256 of all that. It is written as KEY.features.NUMBER.new and then
// renamed, so no process sees an incomplete one.
//
// The folder may hold other files. Only files with such a name and start are replaced and removed.
const (
	magic     = "bluefin prefix 1\n"
	extension = ".features"
	// the bytes before the lengths
	fixed = len(magic) + sha256.Size + 4*8
)

// maxAge is the age at which a file that was not renamed must be from a killed process.
const maxAge = time.Hour

// ownName matches the names of our files: the key, and the ending of one that is not renamed yet.
var ownName = regexp.MustCompile(`^([0-9a-f]{64})\` + extension + `(\.[0-9]+\.new)?$`)

// errDamaged has no details: a damaged file is computed again whatever is wrong with it.
var errDamaged = errors.New("damaged")

// path is where the features with that key are, or would be.
func (c *Cache) path(key Hash) string {
	return filepath.Join(c.Dir, hex.EncodeToString(key[:])+extension)
}

// read returns the features in Dir, or nil.
func (c *Cache) read(key Hash) *entry {
	if c.Dir == "" {
		return nil
	}
	name := c.path(key)
	// Read whole, because the checksum covers everything.
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var e *entry
	if err == nil {
		if e, err = decode(key, b); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	if err != nil {
		// A broken file costs a computation, not the training.
		c.failed(err)
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // marks it as used; an error does no harm
	return e
}

// write puts e into Dir and removes the least recently used files if it is full.
func (c *Cache) write(e *entry) {
	if c.Dir == "" {
		return
	}
	limit := c.MaxDiskBytes
	if limit == 0 {
		limit = defaultMaxDiskBytes
	}
	// A file above the limit would push out all others and then itself.
	size := int64(fixed) + e.size() + sha256.Size
	if size > limit {
		return
	}
	err := os.MkdirAll(c.Dir, 0o777)
	if err == nil {
		// Before writing, so the folder never exceeds the limit. Processes that write at the same
		// time may.
		err = makeRoom(c.Dir, limit-size)
	}
	if err == nil {
		err = writeFile(c.path(e.key), e)
	}
	if err != nil {
		c.failed(err)
	}
}

// failed keeps the last error for Stats. A cache that cannot write still computes.
func (c *Cache) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.DiskError = err
}

// writeFile replaces a file of ours only, even if the user's has the very same name.
func writeFile(name string, e *entry) error {
	if info, err := os.Lstat(name); err == nil && !own(name, info) {
		return fmt.Errorf("%s is not a file of features: leaving it as it is", name)
	}
	return file.Write(name, ".new", 0, func(f io.Writer) error {
		sum := sha256.New()
		// The hash sees the same large pieces as the file.
		w := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<16)
		e.encode(w)
		if err := w.Flush(); err != nil {
			return err
		}
		_, err := f.Write(sum.Sum(nil))
		return err
	})
}

// size returns the size of lengths and numbers in a file.
func (e *entry) size() int64 { return 4 * int64(len(e.batch.Lens)+len(e.batch.X.Data)) }

// encode writes everything except the checksum. The writer remembers the first error.
func (e *entry) encode(w *bufio.Writer) {
	b := append([]byte(magic), e.key[:]...)
	for _, n := range []int{int(e.cost), e.batch.X.Rows, e.batch.X.Cols, len(e.batch.Lens)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	w.Write(b)
	for _, n := range e.batch.Lens {
		w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), uint32(n)))
	}
	for _, v := range e.batch.X.Data {
		w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), math.Float32bits(v)))
	}
}

// decode returns the features in a file, or errDamaged.
func decode(key Hash, b []byte) (*entry, error) {
	n := len(b) - sha256.Size
	// Everything below reads from the fixed part.
	if n < fixed {
		return nil, errDamaged
	}
	// The key is in the file too: a renamed one would otherwise pass for other features.
	sum := sha256.Sum256(b[:n])
	if !bytes.Equal(sum[:], b[n:]) || !bytes.HasPrefix(b, append([]byte(magic), key[:]...)) {
		return nil, errDamaged
	}
	var head [4]int
	for i := range head {
		head[i] = int(binary.LittleEndian.Uint64(b[len(magic)+sha256.Size+8*i:]))
	}
	rows, cols, lens := head[1], head[2], head[3]
	e := &entry{key: key, cost: time.Duration(head[0])}
	b = b[fixed:n]
	// Products of large numbers may overflow; those that fit into a file are small.
	if limit := len(b) / 4; rows < 1 || cols < 1 || lens < 0 || rows > limit || cols > limit/rows ||
		lens != limit-rows*cols {
		return nil, errDamaged
	}
	// Lengths must add up to the rows, or a later layer would read beyond them.
	left := rows
	for range lens {
		n := int(binary.LittleEndian.Uint32(b))
		e.batch.Lens = append(e.batch.Lens, n)
		if left -= n; n < 1 || left < 0 {
			return nil, errDamaged
		}
		b = b[4:]
	}
	// Without lengths each row is an example of its own.
	if lens > 0 && left > 0 {
		return nil, errDamaged
	}
	e.batch.X.Rows, e.batch.X.Cols, e.batch.X.Stride = rows, cols, cols
	e.batch.X.Data = make([]float32, rows*cols)
	for i := range e.batch.X.Data {
		e.batch.X.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return e, nil
}

// own reports whether a file is ours: a regular file that starts as its name requires, or that ends
// before.
func own(path string, info fs.FileInfo) bool {
	m := ownName.FindStringSubmatch(filepath.Base(path))
	if m == nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	// The name has matched, so this cannot fail.
	key, _ := hex.DecodeString(m[1])
	want := append([]byte(magic), key...)
	start := make([]byte, len(want))
	n, err := io.ReadFull(f, start)
	return (err == nil || err == io.EOF || err == io.ErrUnexpectedEOF) && bytes.HasPrefix(want, start[:n])
}

// makeRoom removes files of killed processes, and the oldest features until at most that many bytes
// remain.
func makeRoom(dir string, most int64) error {
	all, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	var sum int64
	for _, d := range all {
		path := filepath.Join(dir, d.Name())
		info, err := d.Info()
		if err != nil || !own(path, info) { // removed by another process, or not ours
			continue
		}
		switch {
		// Only finished files count; others are about to be renamed or left over.
		case strings.HasSuffix(d.Name(), extension):
			files = append(files, info)
			sum += info.Size()
		// Another process may still be writing a younger one.
		case time.Since(info.ModTime()) > maxAge:
			os.Remove(path)
		}
	}
	// read sets the time of a file, so the oldest is the one unused for longest.
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if sum <= most {
			return nil
		}
		// Another process may have made room as well.
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		sum -= f.Size()
	}
	return nil
}
