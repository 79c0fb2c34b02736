package metrics

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// An eventFile is an event file of TensorBoard, as TensorFlow, Keras, PyTorch, tensorboardX and
// Lightning write it. A record is a length, its checksum, a protobuf message and its checksum. Most
// numbers are float32.
//
// Keras writes the same tags to the folders train and validation, so their names become part of the
// metric's: validation/epoch_loss. PyTorch's add_scalars("loss", {"val": …}) writes to a folder
// loss_val; the metric is loss.val.
type eventFile struct{}

func (eventFile) matches(path string) bool { return strings.Contains(base(path), ".tfevents.") }

func (eventFile) open(path, below string) fileReader {
	folder := base(strings.TrimSuffix(below, "/"+base(below)))
	return &appendedFile{path: path, start: func() parser { return (&events{folder: folder}).parse }}
}

// An events is the state of reading an event file.
type events struct {
	folder string
	broken bool // a length is wrong, so the start of the next record is unknown
}

// castagnoli is the polynomial of the checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func masked(text []byte) uint32 {
	sum := crc32.Checksum(text, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}

func (e *events) parse(text []byte, add func(Point)) (used int) {
	for !e.broken {
		rest := text[used:]
		if len(rest) < 12 || [12]byte(rest) == [12]byte{} { // some file systems show zeros before the data
			return used
		}
		size := binary.LittleEndian.Uint64(rest)
		if binary.LittleEndian.Uint32(rest[8:]) != masked(rest[:8]) {
			e.broken = true
			break
		}
		if uint64(len(rest)) < 16 || uint64(len(rest))-16 < size {
			return used
		}
		data := rest[12 : 12+size]
		if binary.LittleEndian.Uint32(rest[12+size:]) == masked(data) {
			parseEvent(data, e.folder, add)
		}
		used += int(size) + 16
	}
	return len(text)
}

// parseEvent adds the scalars in a message Event.
func parseEvent(data []byte, folder string, add func(Point)) {
	p := Point{Values: map[string]float64{}}
	fields(data, func(number protowire.Number, value uint64, message []byte) {
		switch number {
		case 2: // step
			p.Step = int(max(0, int64(value)))
		case 5: // summary
			fields(message, func(number protowire.Number, _ uint64, message []byte) {
				if tag, x, ok := parseScalar(message); number == 1 && ok {
					p.Values[scalarName(tag, folder)] = x
				}
			})
		}
	})
	if len(p.Values) > 0 {
		add(p)
	}
}

// parseScalar returns the tag and number of a message Summary.Value, which may also be a text or image.
func parseScalar(message []byte) (tag string, x float64, ok bool) {
	fields(message, func(number protowire.Number, value uint64, message []byte) {
		switch number {
		case 1:
			tag = string(message)
		case 2: // simple_value
			x, ok = float64(math.Float32frombits(uint32(value))), true
		case 8:
			x, ok = parseTensor(message)
		}
	})
	return tag, x, ok
}

// parseTensor returns the number in a message TensorProto, if it is exactly one.
func parseTensor(message []byte) (x float64, ok bool) {
	const float, double, int32s, int64s = 1, 2, 3, 9
	var kind uint64
	var raw []byte // floats, little-endian
	var ints []uint64
	fields(message, func(number protowire.Number, value uint64, message []byte) {
		switch number {
		case 1:
			kind = value
		case 4, 5, 6: // tensor_content, float_val, double_val
			if message == nil && number == 5 {
				message = binary.LittleEndian.AppendUint32(nil, uint32(value))
			} else if message == nil {
				message = binary.LittleEndian.AppendUint64(nil, value)
			}
			raw = slices.Concat(raw, message)
		case 7, 10: // int_val, int64_val
			for n := 0; len(message) > 0 && n >= 0; message = message[max(n, 0):] {
				if value, n = protowire.ConsumeVarint(message); n >= 0 {
					ints = append(ints, value)
				}
			}
		}
	})
	switch {
	case kind == float && len(raw) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), true
	case kind == double && len(raw) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(raw)), true
	case kind == int32s && len(raw) == 4:
		return float64(int32(binary.LittleEndian.Uint32(raw))), true
	case kind == int64s && len(raw) == 8:
		return float64(int64(binary.LittleEndian.Uint64(raw))), true
	case (kind == int32s || kind == int64s) && len(ints) == 1:
		return float64(int64(ints[0])), true
	}
	return 0, false
}

// scalarName returns the name of a metric by its tag and the folder of the file.
func scalarName(tag, folder string) string {
	splits := []string{"train", "validation", "val", "eval", "test"}
	if slices.Contains(splits, folder) && !strings.Contains(tag, "/") { // else the tag has its own prefix
		return folder + "/" + tag
	}
	if key, ok := strings.CutPrefix(folder, strings.ReplaceAll(tag, "/", "_")+"_"); ok {
		return tag + "." + key
	}
	return tag
}
