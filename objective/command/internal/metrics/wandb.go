package metrics

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A wandbFile is the log of a Weights & Biases run, online or offline: a header of seven bytes, then
// protobuf messages in blocks as in LevelDB's logs. A block holds fragments: a checksum, a length, a
// type and data. Values that only the summary has, such as the best one, become one point without a
// step when the run ends.
type wandbFile struct{}

func (wandbFile) matches(path string) bool {
	return strings.HasPrefix(base(path), "run-") && strings.HasSuffix(path, ".wandb")
}

func (wandbFile) open(path, _ string) fileReader {
	return &appendedFile{path: path, start: func() parser {
		return (&wandbRun{logged: map[string]bool{}, summary: map[string]any{}}).parse
	}}
}

const (
	wandbHeader = ":W&B\xe1\xbe\x00"
	wandbBlock  = 32 << 10

	fragmentHeader = 7
)

// Types of fragments.
const (
	fullRecord = iota + 1
	firstOfRecord
	middleOfRecord
	lastOfRecord
)

// A wandbRun is the state of reading a log.
type wandbRun struct {
	position int    // in the file
	foreign  bool   // it is of another format
	record   []byte // fragments of an incomplete record; nil if its first one is missing

	logged  map[string]bool // names in the history
	summary map[string]any
}

func (r *wandbRun) parse(text []byte, add func(Point)) int {
	used := 0
	skip := func(n int) { used, r.position = used+n, r.position+n }
	if r.position == 0 {
		if len(text) < len(wandbHeader) {
			return 0
		}
		r.foreign = string(text[:len(wandbHeader)]) != wandbHeader
		skip(len(wandbHeader))
	}
	if r.foreign {
		return len(text)
	}
	for {
		rest := text[used:]
		rest = rest[:min(len(rest), wandbBlock-r.position%wandbBlock)] // of the block
		whole := len(rest) == wandbBlock-r.position%wandbBlock
		switch {
		case len(rest) < fragmentHeader && !whole:
			return used
		case len(rest) < fragmentHeader: // padding
			skip(len(rest))
			continue
		}
		size, kind := int(binary.LittleEndian.Uint16(rest[4:])), rest[6]
		fits := fragmentHeader+size <= len(rest)
		if !fits && !whole {
			return used
		}
		if !fits || binary.LittleEndian.Uint32(rest) != crc32.ChecksumIEEE(rest[6:fragmentHeader+size]) {
			if !whole { // it may be written later
				return used
			}
			r.record = nil
			skip(len(rest))
			continue
		}
		data := rest[fragmentHeader : fragmentHeader+size]
		switch kind {
		case fullRecord:
			r.record = nil
			r.add(data, add)
		case firstOfRecord:
			r.record = append([]byte{}, data...)
		case middleOfRecord, lastOfRecord:
			if r.record != nil && len(r.record) < largestRecord {
				r.record = append(r.record, data...)
			}
			if kind == lastOfRecord {
				r.add(r.record, add)
				r.record = nil
			}
		}
		skip(fragmentHeader + size)
	}
}

// add reads a message Record.
func (r *wandbRun) add(record []byte, add func(Point)) {
	fields(record, func(number protowire.Number, _ uint64, message []byte) {
		switch number {
		case 2: // history
			values := map[string]any{}
			fields(message, func(number protowire.Number, _ uint64, message []byte) {
				switch number {
				case 1:
					item(values, message)
				case 2: // the step, in case no item has it
					fields(message, func(_ protowire.Number, value uint64, _ []byte) {
						if _, ok := values["_step"]; !ok {
							values["_step"] = int(value)
						}
					})
				}
			})
			if p, ok := newPoint(values); ok {
				for name := range p.Values {
					r.logged[name] = true
				}
				add(p)
			}
		case 3: // summary
			fields(message, func(number protowire.Number, _ uint64, message []byte) {
				if number == 1 {
					item(r.summary, message)
				}
			})
		case 18: // exit
			if p, _ := newPoint(r.summary); len(p.Values) > 0 {
				for name := range p.Values {
					if r.logged[name] {
						delete(p.Values, name)
					}
				}
				p.Step = -1
				add(p)
			}
		}
	})
}

// item adds a message HistoryItem or SummaryItem to values. Nested names are joined by dots.
func item(values map[string]any, message []byte) {
	var name []string
	var value any
	fields(message, func(number protowire.Number, bits uint64, text []byte) {
		switch number {
		case 1, 2: // key, nested_key
			if len(text) > 0 {
				name = append(name, string(text))
			}
		case 5: // integer
			value = int(protowire.DecodeZigZag(bits))
		case 6: // number
			value = math.Float64frombits(bits)
		case 8, 16: // json, value_json
			if x, err := strconv.ParseFloat(string(text), 64); err == nil { // most are numbers
				value = x
			} else {
				value, _ = pyjson.Unmarshal(text)
			}
		}
	})
	values[strings.Join(name, ".")] = value
}
