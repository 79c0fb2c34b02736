package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// ErrEncoding is matched by the error of a file that is not in the expected encoding.
var ErrEncoding = errors.New("bad encoding")

// encodings are the supported encodings. A mark at the start of UTF-16 gives the byte order;
// without one it is little-endian.
var encodings = map[string]encoding.Encoding{
	"utf-8":   unicode.UTF8,
	"latin-1": charmap.ISO8859_1,
	"cp1252":  charmap.Windows1252,
	"utf-16":  unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
}

// Encodings returns the valid names for Options.Encoding.
func Encodings() []string { return []string{"utf-8", "latin-1", "cp1252", "utf-16"} }

// Byte order marks at the start of files.
var (
	markUTF8  = []byte("\xEF\xBB\xBF")
	marksWide = [][]byte{[]byte("\xFE\xFF"), []byte("\xFF\xFE")}
)

// decoded returns the text of a file as UTF-8, without a byte order mark.
func decoded(in *bufio.Reader, path, name string) (io.Reader, error) {
	if name == "" {
		name = "utf-8"
	}
	code, ok := encodings[name]
	if !ok {
		return nil, fmt.Errorf("encoding is %q, want one of %s", name, strings.Join(Encodings(), ", "))
	}
	// Peek, because without a mark the bytes belong to the text.
	start, err := in.Peek(len(markUTF8))
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// A mark that contradicts the option is an error: one of them is wrong, and guessing
	// would garble text.
	is := ""
	switch {
	case bytes.HasPrefix(start, markUTF8):
		is = "utf-8"
	case slices.ContainsFunc(marksWide, func(mark []byte) bool { return bytes.HasPrefix(start, mark) }):
		is = "utf-16"
	}
	if is != "" && is != name {
		return nil, encodingError{fmt.Errorf("%s:1: the file starts with the byte order mark of %s, but is read as %s", path,
			strings.ToUpper(is), name)}
	}
	text := &checker{from: in, path: path, encoding: name, line: 1}
	if name == "utf-8" {
		if is != "" {
			_, _ = in.Discard(len(markUTF8)) // seen by Peek
		}
		return text, nil
	}
	// The checker sees UTF-8 in either case.
	text.from = code.NewDecoder().Reader(in)
	return text, nil
}

// An encodingError matches ErrEncoding.
type encodingError struct{ error }

// Is makes errors.Is match ErrEncoding without showing its text in the message.
func (encodingError) Is(target error) bool { return target == ErrEncoding }

// A checker passes text through up to the first byte that is not valid UTF-8 or not text, or that a
// decoder could not map.
type checker struct {
	from           io.Reader
	path, encoding string
	line           int // of the next byte
	// the start of a character whose end has not been read yet
	cut []byte
	// err is sticky, as a reader may be asked again after an error
	err error
}

// Read implements io.Reader.
func (c *checker) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.from.Read(p)
	c.err = err
	if bad := c.check(p[:n]); bad != nil {
		// Nothing of a bad piece is passed on: rows before it would look complete.
		c.err = bad
		return 0, bad
	}
	if err == io.EOF && len(c.cut) > 0 {
		// The file ends within a character.
		c.err = c.bad(c.cut[0])
	}
	return n, c.err
}

// check returns an error if b does not continue the text.
func (c *checker) check(b []byte) error {
	for len(c.cut) > 0 && len(b) > 0 { // a character split by the last read
		c.cut, b = append(c.cut, b[0]), b[1:]
		if !utf8.FullRune(c.cut) {
			continue
		}
		if !utf8.Valid(c.cut) || c.lost(c.cut) {
			return c.bad(c.cut[0])
		}
		c.cut = c.cut[:0]
	}
	// An incomplete character at the end is not an error until the file ends there.
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) && !utf8.FullRune(tail) {
			c.cut, b = append(c.cut, tail...), b[:len(b)-n]
			break
		}
	}
	// Nearly always true, and much faster than going through the characters.
	if utf8.Valid(b) && !c.lost(b) {
		c.line += bytes.Count(b, []byte("\n"))
		return nil
	}
	// Something is wrong: find the line.
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 || c.lost(b[:size]) {
			return c.bad(b[0])
		}
		if r == '\n' {
			c.line++
		}
		b = b[size:]
	}
	return nil
}

// lost reports whether b is not text.
func (c *checker) lost(b []byte) bool {
	return bytes.IndexByte(b, 0) >= 0 || c.encoding != "utf-8" && bytes.Contains(b, []byte("\uFFFD"))
}

// bad explains the byte. A zero byte is typical of UTF-16 read as something else.
func (c *checker) bad(b byte) error {
	what := fmt.Sprintf("the byte 0x%02X is not UTF-8", b)
	switch {
	case b == 0:
		what = "there is a byte 0, which no text has"
		if c.encoding == "utf-8" {
			what += ": it may be UTF-16"
		}
	case c.encoding != "utf-8":
		what = "there are bytes that are not " + c.encoding
	}
	return encodingError{fmt.Errorf("%s:%d: %s", c.path, c.line, what)}
}
