package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mixedStudy has more trials than are read at a time: of every state, with parameters that only some
// have, attributes of several types and, with two directions, constraints.
func mixedStudy(t *testing.T, n int, directions ...trial.Direction) storageFlag {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mixed.db")
	db, err := sqlite.Open(t.Context(), file, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := storage.Snapshot{Study: storage.Study{Name: "mixed", Directions: directions}}
	start := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	for i := range n {
		one := &trial.Trial{Number: i, State: trial.Complete, Seen: i, Start: start, End: start.Add(1500 * time.Millisecond)}
		one.Params = []trial.Param{{Name: "lr, \"q\"", Value: 1e-05 * float64(i+1), Dist: space.Float{Low: 0, High: 1}},
			{Name: "mixed", Value: float64(i % 4), Dist: space.Categorical{Choices: []any{"a\nb", 1, nil, true}}}}
		if i%2 == 0 {
			one.Params = append(one.Params, trial.Param{Name: "n", Value: float64(i), Dist: space.Int{Low: 0, High: 1 << 53}})
		}
		one.UserAttrs = map[string]json.RawMessage{"note": json.RawMessage(strconv.Quote("größe " + strconv.Itoa(i))),
			"either": json.RawMessage([]string{"1", `"x"`, `{"a": [1, NaN]}`}[i%3])}
		one.Reports = []trial.Report{{Step: 3, Value: 0.5}, {Step: 7, Value: float64(i)}}
		for range directions {
			one.Values = append(one.Values, float64((i*7919)%n))
		}
		if len(directions) > 1 {
			one.Constraints = map[string]float64{"memory": float64(i%5) - 3}
		}
		if i == n-1 {
			one.State, one.Values, one.End, one.Start = trial.Waiting, nil, time.Time{}, time.Time{}
			one.Reports, one.Params, one.Seen = nil, nil, 0
		} else if i%10 == 9 {
			one.State, one.Values = trial.Failed, nil
			one.SystemAttrs = map[string]json.RawMessage{"bluefin:failure": json.RawMessage(`"boom\nand more"`)}
		}
		s.Trials = append(s.Trials, one)
	}
	if _, err := db.Import(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return storageFlag(file)
}

// A Parquet file read by its library, the CSV file and the JSON lines say the same.
func TestTrialsAsDataReadBack(t *testing.T) {
	const n = 2*trialsPerRead + 321
	file := string(mixedStudy(t, n, trial.Minimize, trial.Maximize))
	path := filepath.Join(t.TempDir(), "t.parquet")
	for range 2 { // an earlier file is replaced
		bluefin(t, "trials", "--storage", file, "-f", "parquet", "-o", path)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	pq, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, field := range pq.Root().Columns() {
		types = append(types, field.Name()+" "+field.Type().String())
	}
	want := []string{"number INT(64,true)", "values_0 DOUBLE", "values_1 DOUBLE", "datetime_start TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)",
		"datetime_complete TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", "duration DOUBLE", `params_lr, "q" DOUBLE`, "params_mixed JSON", "params_n INT(64,true)",
		"user_attrs_either JSON", "user_attrs_note STRING", "constraints_memory DOUBLE", "last_step INT(64,true)", "last_value DOUBLE", "failure STRING", "state STRING"}
	if strings.Join(types, "\n") != strings.Join(want, "\n") {
		t.Fatalf("the columns are\n%s", strings.Join(types, "\n"))
	}
	rows := pq.RowGroups()[0].Rows()
	defer rows.Close()
	table := csv.NewReader(strings.NewReader(bluefin(t, "trials", "--storage", file, "-f", "csv")))
	if header, err := table.Read(); err != nil || header[6] != `params_lr, "q"` || len(header) != len(want) {
		t.Fatal(header, err)
	}
	lines := strings.Split(strings.TrimSpace(bluefin(t, "trials", "--storage", file, "-f", "jsonl")), "\n")
	if len(lines) != n || pq.NumRows() != n {
		t.Fatalf("%d lines and %d rows, want %d", len(lines), pq.NumRows(), n)
	}
	buffer := make([]parquet.Row, 1)
	for i, line := range lines {
		if k, err := rows.ReadRows(buffer); k != 1 || err != nil && err != io.EOF {
			t.Fatal(k, err)
		}
		cells, err := table.Read()
		if err != nil {
			t.Fatal(err)
		}
		row := buffer[0]
		v, err := pyjson.Unmarshal([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		object := v.(map[string]any)
		params, attrs := object["params"].(map[string]any), object["user_attrs"].(map[string]any)
		either, _ := pyjson.Unmarshal(row[9].ByteArray())
		for _, c := range []struct {
			name       string
			json       any
			cell, pqet string
		}{
			{"number", i, cells[0], row[0].String()},
			{"number", object["number"], cells[0], row[0].String()},
			{"lr", params[`lr, "q"`], cells[6], floatText(row[6])},
			{"n", params["n"], cells[8], nullText(row[8])},
			{"note", attrs["note"], cells[10], row[10].String()},
			{"last_step", object["last_step"], cells[12], nullText(row[12])},
			{"duration", object["duration"], cells[5], floatText(row[5])},
			{"failure", object["failure"], cells[14], nullText(row[14])},
			{"state", object["state"], cells[15], row[15].String()},
			{"either", attrs["either"], show(attrs["either"]), show(either)},
			{"memory", object["constraints"].(map[string]any)["memory"], cells[11], floatText(row[11])},
		} {
			if text := show(c.json); text != c.cell || text != c.pqet {
				t.Fatalf("trial %d: %s is %q in JSON, %q in CSV, %q in Parquet", i, c.name, text, c.cell, c.pqet)
			}
		}
		if start := object["datetime_start"]; i < n-1 && (start != cells[3] || start != "2026-01-02T03:04:05.678901Z" || row[3].Int64() != 1767323045678901) {
			t.Fatalf("trial %d: it started at %v, %s, %d", i, start, cells[3], row[3].Int64())
		}
		if i == n-1 && (object["state"] != "WAITING" || object["values_0"] != nil || !row[1].IsNull() || cells[1] != "") {
			t.Errorf("the waiting trial is %v, %q", object, cells)
		}
	}
	// Another format does not replace the file, and the best trials have the same columns.
	if _, stderr, code := status(t, "trials", "--storage", file, "-f", "csv", "-o", path); code != 1 || !strings.Contains(stderr, "it exists and is not an earlier output") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	front := bluefin(t, "best-trials", "--storage", file, "-f", "csv")
	if header, _, _ := strings.Cut(front, "\n"); strings.Count(header, ",") != len(want) { // one comma is in a name
		t.Errorf("the header of the best trials is %s", header)
	}
}

func nullText(v parquet.Value) string {
	if v.IsNull() {
		return ""
	}
	return v.String()
}

func floatText(v parquet.Value) string {
	if v.IsNull() {
		return ""
	}
	return pyjson.Float(v.Double())
}

func TestTopTrials(t *testing.T) {
	numbers := func(args ...string) string {
		var all []string
		rows, err := csv.NewReader(strings.NewReader(bluefin(t, append(args, "-f", "csv")...))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[1:] {
			all = append(all, r[0]+":"+r[1])
		}
		return strings.Join(all, " ")
	}
	const n = 31 // values are 7919*i mod 31; trials 9, 19, 29 failed, and 30 waits
	for _, direction := range []trial.Direction{trial.Minimize, trial.Maximize} {
		var values []string
		best := map[float64]int{}
		for i := range n - 1 {
			if i%10 != 9 {
				best[float64(i*7919%n)] = i
			}
		}
		for v := range n {
			x := float64(v)
			if direction == trial.Maximize {
				x = float64(n - 1 - v)
			}
			if i, ok := best[x]; ok {
				values = append(values, fmt.Sprintf("%d:%s", i, pyjson.Float(x)))
			}
		}
		file := string(mixedStudy(t, n, direction))
		if got := numbers("trials", "--storage", file, "--top", "4"); got != strings.Join(values[:4], " ") {
			t.Errorf("%v: got %s, want %s", direction, got, strings.Join(values[:4], " "))
		}
		if got := numbers("trials", "--storage", file, "--top", "1000"); got != strings.Join(values, " ") {
			t.Errorf("%v: got %s, want all complete trials, the best first: %v", direction, got, values)
		}
	}
	// Of two objectives, the front: here all feasible trials, as what one gains the other loses.
	file := string(mixedStudy(t, n, trial.Minimize, trial.Maximize))
	top, front := numbers("trials", "--storage", file, "--top", "1000"), numbers("best-trials", "--storage", file)
	if len(strings.Fields(top)) != len(strings.Fields(front)) || !strings.HasPrefix(top, "0:0.0 ") {
		t.Errorf("got %s, want the front %s by the first objective", top, front)
	}
	if _, stderr, code := status(t, "trials", "--storage", file, "--top", "-1"); code != 2 || !strings.Contains(stderr, "--top is -1, want at least 1") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
