package metrics

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// eventOf returns a record of an event file.
func eventOf(step int) []byte {
	value := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "val/loss")
	value = protowire.AppendFixed32(protowire.AppendTag(value, 2, protowire.Fixed32Type), 0x3f000000)
	summary := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), value)
	event := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), uint64(step))
	event = protowire.AppendBytes(protowire.AppendTag(event, 5, protowire.BytesType), summary)
	record := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	record = binary.LittleEndian.AppendUint32(record, masked(record))
	record = append(record, event...)
	return binary.LittleEndian.AppendUint32(record, masked(event))
}

// historyOf returns a block of a W&B log with one row.
func historyOf(step int) []byte {
	var history []byte
	for name, value := range map[string]string{"val/loss": "0.123456789", "_step": fmt.Sprint(step)} {
		item := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), name)
		item = protowire.AppendString(protowire.AppendTag(item, 16, protowire.BytesType), value)
		history = protowire.AppendBytes(protowire.AppendTag(history, 1, protowire.BytesType), item)
	}
	record := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), history)
	fragment := append([]byte{0, 0, 0, 0, byte(len(record)), byte(len(record) >> 8), fullRecord}, record...)
	binary.LittleEndian.PutUint32(fragment, crc32.ChecksumIEEE(fragment[6:]))
	return fragment
}

// BenchmarkLook measures a look at a folder whose file has a million rows: the first look, and one
// after another row.
func BenchmarkLook(b *testing.B) {
	const rows = 1_000_000
	for _, c := range []struct {
		name, header string
		row          func(step int) []byte
	}{
		{"metrics.csv", "step,val/loss,train_loss\n", func(i int) []byte { return fmt.Appendf(nil, "%d,0.123456789,\n", i) }},
		{"log.jsonl", "", func(i int) []byte { return fmt.Appendf(nil, "{\"step\": %d, \"val/loss\": 0.123456789}\n", i) }},
		{"a.tfevents.b", "", eventOf},
		{"run-a.wandb", wandbHeader, historyOf},
	} {
		folder, text := b.TempDir(), []byte(c.header)
		write := func(i int) { // W&B's fragments end with their block
			row := c.row(i)
			if left := wandbBlock - len(text)%wandbBlock; c.header == wandbHeader && left < len(row)+fragmentHeader {
				text = append(text, make([]byte, left)...)
			}
			text = append(text, row...)
		}
		for i := range rows {
			write(i)
		}
		file, err := os.Create(filepath.Join(folder, c.name))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(text); err != nil {
			b.Fatal(err)
		}
		n := 0
		add := func(*Source, Point) { n++ }
		b.Run(c.name+"/first", func(b *testing.B) {
			for b.Loop() {
				n = 0
				NewFolder(folder, Sources([]string{"val/loss"}, nil), "").Look(add)
			}
			if n != rows {
				b.Fatalf("%d points, want %d", n, rows)
			}
		})
		f := NewFolder(folder, Sources([]string{"val/loss"}, nil), "")
		f.Look(add)
		n = 0
		b.Run(c.name+"/next", func(b *testing.B) {
			for b.Loop() {
				done := len(text)
				write(rows + n)
				if _, err := file.Write(text[done:]); err != nil {
					b.Fatal(err)
				}
				f.Look(add)
			}
			if n < b.N {
				b.Fatalf("%d points of %d rows", n, b.N)
			}
		})
	}
}
