package command

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

const (
	largestFile  = 256 << 20 // bytes of a file that is read for metrics
	deepestLevel = 4         // folders below the trial's that are searched
)

// metricsFile reports whether a file reader may want a file.
func metricsFile(name string) bool {
	switch name {
	case "trainer_state.json", "metrics.csv", "results.csv":
		return true
	}
	return strings.HasSuffix(name, ".jsonl")
}

// A snapshot is the names, sizes and times of files in a folder, to see whether
// anything has changed.
func snapshot(folder string) (metrics, all string) {
	var m, a strings.Builder
	for _, path := range find(folder, func(name string) bool { return name != outputName }) {
		if info, err := os.Stat(path); err == nil {
			line := fmt.Sprintln(path, info.Size(), info.ModTime().UnixNano())
			a.WriteString(line)
			if metricsFile(info.Name()) {
				m.WriteString(line)
			}
		}
	}
	return m.String(), a.String()
}

// find returns the files in a folder whose name matches, in the order of their
// paths. Links are not followed.
func find(folder string, match func(name string) bool) []string {
	var all []string
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was deleted meanwhile
		}
		if d.IsDir() && strings.Count(strings.TrimPrefix(path, folder), string(filepath.Separator)) > deepestLevel {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && match(d.Name()) {
			all = append(all, path)
		}
		return nil
	})
	return all
}

func readFile(path string) []byte {
	if info, err := os.Stat(path); err != nil || info.Size() > largestFile {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return text
}

// A trainerState reads trainer_state.json, which the Hugging Face trainer writes
// into each checkpoint and at the end: every one holds the whole history.
type trainerState struct{}

func (trainerState) read(folder string) []point {
	var longest []point
	for _, path := range find(folder, func(name string) bool { return name == "trainer_state.json" }) {
		v, err := pyjson.Unmarshal(readFile(path))
		state, ok := v.(map[string]any)
		if err != nil || !ok {
			continue
		}
		history, _ := state["log_history"].([]any)
		var points []point
		for _, entry := range history {
			values, _ := entry.(map[string]any)
			if p, ok := newPoint(values); ok {
				points = append(points, p)
			}
		}
		if len(points) > len(longest) {
			longest = points
		}
	}
	return longest
}

// A jsonLines reads files of JSON lines, such as LLaMA-Factory's
// trainer_log.jsonl.
type jsonLines struct{}

func (jsonLines) read(folder string) []point {
	var points []point
	for _, path := range find(folder, func(name string) bool { return strings.HasSuffix(name, ".jsonl") }) {
		for line := range bytes.Lines(readFile(path)) {
			if !bytes.HasSuffix(line, []byte("\n")) && !json.Valid(line) {
				break // it is being written
			}
			if p, ok := jsonPoint(string(bytes.TrimSpace(line))); ok {
				points = append(points, p)
			}
		}
	}
	return points
}

// A csvFiles reads tables with a header, such as Lightning's metrics.csv and
// Ultralytics' results.csv, which pads its cells. Empty cells are no values.
type csvFiles struct{}

func (csvFiles) read(folder string) []point {
	var points []point
	for _, path := range find(folder, func(name string) bool { return name == "metrics.csv" || name == "results.csv" }) {
		text := readFile(path)
		text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be incomplete
		rows := csv.NewReader(bytes.NewReader(text))
		rows.FieldsPerRecord = -1
		header, err := rows.Read()
		for err == nil {
			var row []string
			if row, err = rows.Read(); err != nil {
				break
			}
			values := map[string]any{}
			for i, cell := range row[:min(len(row), len(header))] {
				if x, err := strconv.ParseFloat(strings.TrimSpace(cell), 64); err == nil {
					values[strings.TrimSpace(header[i])] = x
				}
			}
			if p, ok := newPoint(values); ok {
				points = append(points, p)
			}
		}
	}
	return points
}
