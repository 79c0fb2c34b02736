package metrics

import "google.golang.org/protobuf/encoding/protowire"

// fields calls f with each field of a protobuf message: numbers as bits, with nil bytes, and anything
// else as bytes. It stops at the first malformed field.
func fields(message []byte, f func(number protowire.Number, value uint64, bytes []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		var value uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(message)
			value = uint64(v)
		case protowire.Fixed64Type:
			value, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(message)
		default: // groups, which none of these messages has
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return
		}
		message = message[n:]
		f(number, value, bytes)
	}
}
