// Package studyfile reads the files that say what bluefin tune does: study.yaml, whose schema is
// docs/study.schema.json, and the sweep.yaml of Weights & Biases.
package studyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/objective/command"
)

// A File is what a file says. The zero value of a field means that it says nothing about it.
type File struct {
	Name    string // of the study
	Storage string
	Folder  string // of the trials

	Space   searchspace.Space
	First   map[string]any   // the parameters of trial 0, as far as they have a default
	Enqueue []map[string]any // those of the trials that follow

	Metrics []Metric
	Record  []string // more metrics
	GoalOf  string   // last or best
	Regex   string
	Source  string // of the metrics

	Sampler, Pruner, Scheduler Choice
	WarmStart                  []string // earlier studies: FILE or FILE#STUDY
	Seed                       uint64

	Command []string
	Args    string // how parameters are appended
	Dir     string // where the command runs
	Env     []string
	Render  string // a configuration of the command
	Resume  string // how the command resumes

	// Arguments makes the arguments of the command from the parameters and the values of placeholders.
	// nil: they are those of Command.
	Arguments func(params map[string]any, places map[string]string) ([]string, error)

	Slots    Slots
	Failures []command.Failure
	Initial  int // max_initial_failures; -1: no limit

	Trials        int
	Time          time.Duration
	Target        *float64
	NoImprovement int
	Cost          time.Duration // of all trials
	Steps         int           // of all trials
	Repeats       int           // of the best trials
	Noise         string        // of the metric: a number

	// Finetune are flags of bluefin finetune, without dashes. nil: a program runs.
	Finetune map[string]string

	TrialTimeout, StallTimeout, Grace time.Duration
	Orphans, Durability               string

	Notes []string // what a user should know about how the file was read
}

// A Metric is an objective.
type Metric struct{ Name, Direction string } // minimize, maximize or auto

// A Choice is a sampler, a pruner or a scheduler.
type Choice struct {
	Name     string // "": none is chosen
	Settings map[string]any
	Where    string // FILE:LINE, for messages
}

// Slots say how many trials run at once, and what each has for itself.
type Slots struct {
	Workers      int
	GPUs         string
	GPUsPerTrial float64
	Env          [][]string // environments
}

// largest is the size of a file, in bytes.
const largest = 1 << 20

// Read reads a study file or a sweep file, which it tells apart by their keys.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	var cause *fs.PathError
	if errors.As(err, &cause) {
		return nil, fmt.Errorf("%s: %w", path, cause.Err)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > largest {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", path, info.Size(), largest)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads the text of a file. The path is for messages. An error is one line and begins with
// PATH:LINE where it is about a line.
func Parse(path string, text []byte) (*File, error) {
	// The loader knows no empty document.
	documents := yaml.NewDecoder(bytes.NewReader(text))
	var document, another yaml.Node
	err := documents.Decode(&document)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0:
		return nil, fmt.Errorf("%s is empty, want a study.yaml: bluefin init writes one", path)
	case err != nil:
		return nil, syntax(path, err)
	}
	if err := documents.Decode(&another); err == nil {
		return nil, fmt.Errorf("%s:%d: a second document begins here, want one", path, another.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, syntax(path, err)
	}
	r := &reader{path: path, left: mostNodes}
	root := node{Node: document.Content[0]}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: the file is %s, want the keys of a study.yaml, such as parameters and command",
			path, root.Line, oneLine(shown(root)))
	}
	f := &File{}
	if isSweep(root) {
		r.sweep(root, f)
	} else {
		r.study(root, f)
	}
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

// unplaced is a line break in a message of the parser.
var unplaced = regexp.MustCompile(`\s*\n\s*`)

// syntax is an error of the YAML parser with its line.
func syntax(path string, err error) error {
	var one *yaml.LoadError
	var several *yaml.LoadErrors
	if errors.As(err, &several) && len(several.Errors) > 0 {
		one = several.Errors[0]
	}
	if one == nil && !errors.As(err, &one) {
		return fmt.Errorf("%s: %s", path, unplaced.ReplaceAllString(err.Error(), " "))
	}
	message := unplaced.ReplaceAllString(one.Message, " ")
	if one.Mark.Line == 0 {
		return fmt.Errorf("%s: %s", path, message)
	}
	return fmt.Errorf("%s:%d: %s", path, one.Mark.Line, message)
}
