package main

import (
	"io"
	"iter"
	"reflect"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// parquetMagic begins and ends every Parquet file.
const parquetMagic = "PAR1"

// rowsPerGroup bounds the memory, because a row group is held until it is whole.
const rowsPerGroup = 20_000

func writeTrialsParquet(w io.Writer, s *schema, trials iter.Seq2[*trial.Trial, error]) error {
	columns := s.columns()
	file := parquet.NewWriter(w, parquet.NewSchema("trials", parquetColumns(columns)),
		parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowsPerGroup))
	row := make(parquet.Row, len(columns))
	for t, err := range trials {
		if err != nil {
			return err
		}
		for i, c := range columns {
			v, err := parquetValue(c.kind, c.of(t))
			if err != nil {
				return err
			}
			level := 1 // of an optional column that has a value
			if v.IsNull() {
				level = 0
			}
			row[i] = v.Level(0, level, i)
		}
		if _, err := file.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
	}
	return file.Close()
}

// parquetValue converts a value to the type of its column.
func parquetValue(k kind, v any) (parquet.Value, error) {
	if v == nil {
		return parquet.NullValue(), nil
	}
	switch k {
	case floatKind:
		if n, ok := v.(int); ok {
			v = float64(n)
		}
	case timeKind:
		v = v.(time.Time).UnixMicro()
	case jsonKind:
		text, err := pyjson.Marshal(jsonValue(v))
		return parquet.ValueOf([]byte(pyjson.Standard(text))), err
	}
	return parquet.ValueOf(v), nil
}

// parquetColumns is a group of optional columns in their order. The library's own groups are sorted
// by name, and make a Go type of the names, which fails for some.
func parquetColumns(columns []dataColumn) parquet.Node {
	g := parquetGroup{}
	for _, c := range columns {
		node := map[kind]parquet.Node{
			noKind: parquet.String(), boolKind: parquet.Leaf(parquet.BooleanType), intKind: parquet.Int(64),
			floatKind: parquet.Leaf(parquet.DoubleType), textKind: parquet.String(), jsonKind: parquet.JSON(),
			timeKind: parquet.Timestamp(parquet.Microsecond),
		}[c.kind]
		g.fields = append(g.fields, parquetField{parquet.Optional(node), c.name})
	}
	return g
}

type parquetGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g parquetGroup) Fields() []parquet.Field { return g.fields }

func (g parquetGroup) GoType() reflect.Type { return reflect.TypeFor[struct{}]() }

type parquetField struct {
	parquet.Node
	name string
}

func (f parquetField) Name() string { return f.name }

func (f parquetField) Value(reflect.Value) reflect.Value { return reflect.Value{} }
