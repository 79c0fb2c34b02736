package metrics

import (
	"bytes"
	"hash/crc32"
	"io"
	"os"
)

const (
	largestFile   = 256 << 20 // bytes of a file that is read as a whole
	largestRecord = 64 << 20  // bytes of a record in a file that grows
	chunkSize     = 1 << 20   // bytes that are read at once
	headSize      = 4 << 10   // bytes at the start of a file by which it is recognized
	seamSize      = 64        // bytes before those that are read next, likewise
)

// A wholeFile is read again whenever it changes.
type wholeFile struct {
	path  string
	parse func(text []byte, add func(Point))
	hash  uint32 // of the text
}

func (f *wholeFile) read(to *sink) {
	if info, err := os.Stat(f.path); err != nil || info.Size() > largestFile {
		return
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return
	}
	hash := crc32.ChecksumIEEE(text)
	if to.changed || hash != f.hash {
		f.hash = hash
		to.restart()
		f.parse(text, to.point)
	}
}

// A parser reads a file from its start, piece by piece. It returns how many bytes it consumed; the
// rest is an incomplete record, which comes again once there is more.
type parser func(text []byte, add func(Point)) int

// An appendedFile is read from where the last call stopped. If the bytes before that point or at the
// start of the file have changed, the file was rewritten and is read from the start.
type appendedFile struct {
	path  string
	start func() parser

	parse  parser
	offset int64
	head   []byte // the first bytes of the file
	seam   []byte // the bytes before offset
}

func (f *appendedFile) read(to *sink) {
	file, err := os.Open(f.path)
	if err != nil {
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return
	}
	buffer := make([]byte, min(max(info.Size()-f.offset, 0)+512, chunkSize))
	for have, restarts := 0, 0; restarts < 3; {
		if have == len(buffer) { // a record is longer
			buffer = append(buffer, make([]byte, have)...)
		}
		n, err := file.ReadAt(buffer[have:], f.offset+int64(have))
		have += n
		switch {
		case f.parse == nil:
			f.parse = f.start()
		case !f.same(file): // checked after reading, so text of a rewritten file is never appended
			f.parse, f.offset, f.head, f.seam, have = f.start(), 0, nil, nil, 0
			to.restart()
			restarts++
			continue
		}
		used := f.parse(buffer[:have], to.point)
		f.keep(buffer[:used])
		have = copy(buffer, buffer[used:have])
		if have > largestRecord {
			f.parse = skip
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// skip is a parser that ignores the rest of a file.
func skip(text []byte, _ func(Point)) int { return len(text) }

// same reports whether the file still has the bytes that were read.
func (f *appendedFile) same(file io.ReaderAt) bool {
	return equalAt(file, f.head, 0) && equalAt(file, f.seam, f.offset-int64(len(f.seam)))
}

func equalAt(file io.ReaderAt, want []byte, offset int64) bool {
	got := make([]byte, len(want))
	n, _ := file.ReadAt(got, offset)
	return bytes.Equal(got[:n], want)
}

// keep moves the offset past consumed text.
func (f *appendedFile) keep(text []byte) {
	f.offset += int64(len(text))
	f.head = append(f.head, text[:min(len(text), headSize-len(f.head))]...)
	f.seam = append(f.seam, text[max(0, len(text)-seamSize):]...)
	f.seam = bytes.Clone(f.seam[max(0, len(f.seam)-seamSize):])
}

// lines calls f with each complete line, without its end, and returns their total length.
func lines(text []byte, f func(line []byte)) int {
	used := 0
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			break
		}
		used += len(line)
		f(bytes.TrimRight(line, "\r\n"))
	}
	return used
}
