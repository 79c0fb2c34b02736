package journal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/lines"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The operations of Optuna's journal.
const (
	createStudy = iota
	deleteStudy
	setStudyUserAttr
	setStudySystemAttr
	createTrial
	setTrialParam
	setTrialState
	setTrialReport
	setTrialUserAttr
	setTrialSystemAttr
	discardTrials // ignored, also by Optuna
)

// An operation is one line of Optuna's journal.
type operation struct {
	Op         *int   `json:"op_code"`
	StudyName  string `json:"study_name"`
	Directions []int  `json:"directions"`
	Study      int    `json:"study_id"`
	Trial      int    `json:"trial_id"`

	// Pointers tell a missing member from 0, which is a state, a number and an id.
	State    *int           `json:"state"`
	Value    *lines.Number  `json:"value"`
	Values   []lines.Number `json:"values"`
	Start    string         `json:"datetime_start"`
	Complete string         `json:"datetime_complete"`

	Param        string        `json:"param_name"`
	Internal     *lines.Number `json:"param_value_internal"`
	Distribution string        `json:"distribution"`

	Step int `json:"step"`
	// nil stands for NaN, which Optuna writes as null here.
	Report *lines.Number `json:"intermediate_value"`

	// Of a trial that is created with contents, as by enqueue_trial and add_trial.
	Params        map[string]lines.Number  `json:"params"`
	Distributions map[string]string        `json:"distributions"`
	Reports       map[string]*lines.Number `json:"intermediate_values"`

	// Of one attribute, or of all of a new trial.
	UserAttr    map[string]json.RawMessage `json:"user_attr"`
	SystemAttr  map[string]json.RawMessage `json:"system_attr"`
	UserAttrs   map[string]json.RawMessage `json:"user_attrs"`
	SystemAttrs map[string]json.RawMessage `json:"system_attrs"`
}

// IsOptuna reports whether text starts like a journal of Optuna.
func IsOptuna(text []byte) bool {
	// The first line decides: whether the rest is sound is up to ReadOptuna.
	line, _, _ := bytes.Cut(text, []byte("\n"))
	op, err := parseOperation(line)
	return err == nil && op.Op != nil
}

// ReadOptuna reads a file of Optuna's JournalFileBackend and returns all studies
// that are not deleted, as Optuna sees them. It skips operations that Optuna
// rejects because another worker was faster, and a last line that is cut off
// because a worker was writing it. The error is an *Error if any other line is
// damaged. An error of r is returned as it is.
func ReadOptuna(r io.Reader) ([]storage.Snapshot, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	p := replay{}
	// All at once: a line is known to be the last only when none follows.
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, line := range lines {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // incomplete, or empty
		}
		op, err := parseOperation(line)
		// Only the last complete line may be damaged; damage further up would change every later
		// state.
		if err != nil && i == len(lines)-2 {
			break // a worker was killed while it was writing
		}
		if err == nil {
			err = p.apply(op)
		}
		if err != nil {
			return nil, &Error{i + 1, err}
		}
	}
	// Ids of Optuna's journal are places in lists, so deleted studies stay there until now.
	var all []storage.Snapshot
	for _, s := range p.studies {
		if s.deleted {
			continue
		}
		var ordered []*trial.Trial
		// Finished trials in finishing order, then the others: the order of a Snapshot.
		for _, number := range s.finished {
			ordered = append(ordered, s.Trials[number])
		}
		for _, t := range s.Trials {
			if !t.State.Finished() {
				ordered = append(ordered, t)
			}
		}
		s.Trials = ordered
		all = append(all, s.Snapshot)
	}
	return all, nil
}

// parseOperation reads a line. Attributes keep their text, except in lines with NaN
// or infinities, which are written again.
func parseOperation(line []byte) (op operation, err error) {
	// The usual case keeps the text of attributes to the letter.
	if err = json.Unmarshal(line, &op); err == nil {
		return op, nil
	}
	// The failed attempt may have set some members.
	op = operation{}
	v, pyErr := pyjson.Unmarshal(bytes.TrimSpace(line))
	object, ok := v.(map[string]any)
	if pyErr != nil || !ok {
		return op, errors.New("it is damaged, or not an operation of Optuna: want a JSON object")
	}
	if err := json.Unmarshal(pyjson.Standard(line), &op); err != nil {
		return op, err
	}
	for name, attrs := range map[string]map[string]json.RawMessage{
		"user_attr": op.UserAttr, "system_attr": op.SystemAttr,
		"user_attrs": op.UserAttrs, "system_attrs": op.SystemAttrs,
	} {
		values, _ := object[name].(map[string]any)
		for key, value := range values {
			if attrs[key], err = pyjson.Marshal(value); err != nil {
				return op, fmt.Errorf("attribute %q: %w", key, err)
			}
		}
	}
	return op, nil
}

// A replay is the state after the lines so far.
type replay struct {
	// by study_id
	studies []*replayed
	// by trial_id, over all studies
	trials []*trial.Trial
	of     []*replayed // the study of each trial
}

// replayed is a study while its journal is read.
type replayed struct {
	storage.Snapshot
	deleted  bool
	finished []int // the numbers of trials in finishing order
}

// apply performs an operation. One that Optuna would reject does nothing: its worker was
// told so.
func (p *replay) apply(op operation) error {
	switch {
	case op.Op == nil:
		return errors.New("it has no op_code")
	case *op.Op == createStudy:
		return p.create(op)
	case *op.Op == deleteStudy, *op.Op == setStudyUserAttr, *op.Op == setStudySystemAttr, *op.Op == createTrial:
		// Another worker deleted the study first.
		if op.Study < 0 || op.Study >= len(p.studies) || p.studies[op.Study].deleted {
			return nil
		}
		return p.change(p.studies[op.Study], op)
	case *op.Op == discardTrials:
		return nil
	// Skipping an unknown operation could lose results.
	case *op.Op < createStudy || *op.Op > discardTrials:
		return fmt.Errorf("op_code is %d, want 0 to %d: a newer Optuna may have written it", *op.Op, discardTrials)
	}
	// A finished trial never changes; another worker has ended it first.
	if op.Trial < 0 || op.Trial >= len(p.trials) || p.trials[op.Trial].State.Finished() {
		return nil
	}
	return p.write(p.of[op.Trial], p.trials[op.Trial], op)
}

// create adds a study, unless its name is taken: another worker was faster, and both use
// that study.
func (p *replay) create(op operation) error {
	if slices.ContainsFunc(p.studies, func(s *replayed) bool { return !s.deleted && s.Name == op.StudyName }) {
		return nil
	}
	s := &replayed{}
	s.Name, s.UserAttrs, s.SystemAttrs = op.StudyName, map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, d := range op.Directions {
		// 0 is NOT_SET: a study without a direction.
		switch d {
		case 1:
			s.Directions = append(s.Directions, trial.Minimize)
		case 2:
			s.Directions = append(s.Directions, trial.Maximize)
		default:
			return fmt.Errorf("a direction of study %q is %d, want 1 or 2", op.StudyName, d)
		}
	}
	p.studies = append(p.studies, s)
	return nil
}

// change applies an operation on a study.
func (p *replay) change(s *replayed, op operation) error {
	switch *op.Op {
	case deleteStudy:
		s.deleted = true
	case setStudyUserAttr:
		maps.Copy(s.UserAttrs, op.UserAttr)
	case setStudySystemAttr:
		maps.Copy(s.SystemAttrs, op.SystemAttr)
	case createTrial:
		// What had finished up to this line is what the trial had seen.
		t := &trial.Trial{Number: len(s.Trials), Seen: len(s.finished),
			UserAttrs: map[string]json.RawMessage{}, SystemAttrs: map[string]json.RawMessage{}}
		s.Trials, p.trials, p.of = append(s.Trials, t), append(p.trials, t), append(p.of, s)
		return p.begin(s, t, op)
	}
	return nil
}

// begin sets what a new trial has from the start.
func (p *replay) begin(s *replayed, t *trial.Trial, op operation) error {
	// JSON objects have no order, so by name: the same at each reading.
	for _, name := range slices.Sorted(maps.Keys(op.Params)) {
		if err := setParam(t, name, float64(op.Params[name]), op.Distributions[name]); err != nil {
			return err
		}
	}
	for text, value := range op.Reports {
		step, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("a step is %q, want a whole number", text)
		}
		setReport(t, step, value)
	}
	// Optuna writes value for one objective and values for several.
	if op.Value != nil && op.Values == nil {
		op.Values = []lines.Number{*op.Value}
	}
	maps.Copy(t.UserAttrs, op.UserAttrs)
	// Before the state, since setState may end the trial.
	err := setTrialAttrs(t, op.SystemAttrs)
	if err == nil && op.State == nil {
		t.Start, err = optunaTime(op.Start) // running
	} else if err == nil {
		err = setState(s, t, op)
	}
	return err
}

// write applies an operation on a trial that has not finished.
func (p *replay) write(s *replayed, t *trial.Trial, op operation) error {
	switch *op.Op {
	case setTrialParam:
		if op.Internal == nil {
			return fmt.Errorf("parameter %q has no value", op.Param)
		}
		dist, err := space.Unmarshal([]byte(op.Distribution))
		if err != nil {
			return fmt.Errorf("parameter %q: %w", op.Param, err)
		}
		// Optuna refuses a distribution that does not fit the study's first one of that name.
		for _, earlier := range s.Trials {
			if q, ok := earlier.Param(op.Param); ok {
				if !space.Compatible(q.Dist, dist) {
					return nil
				}
				break
			}
		}
		return setParam(t, op.Param, float64(*op.Internal), op.Distribution)
	case setTrialState:
		if op.State == nil {
			return errors.New("the state is missing")
		}
		if trial.State(*op.State) == trial.Running && t.State == trial.Running {
			return nil // another worker was faster
		}
		// A queued trial sees what had finished when it starts, not when it was queued.
		if t.State == trial.Waiting {
			t.Seen = len(s.finished)
		}
		return setState(s, t, op)
	case setTrialReport:
		setReport(t, op.Step, op.Report)
	case setTrialUserAttr:
		maps.Copy(t.UserAttrs, op.UserAttr)
	case setTrialSystemAttr:
		return setTrialAttrs(t, op.SystemAttr)
	}
	return nil
}

// setState gives a trial the state, the values and the times of an operation.
func setState(s *replayed, t *trial.Trial, op operation) (err error) {
	if *op.State < 0 || *op.State > int(trial.Waiting) {
		return fmt.Errorf("the state is %d, want 0 to %d", *op.State, trial.Waiting)
	}
	t.State = trial.State(*op.State)
	if op.Start != "" {
		if t.Start, err = optunaTime(op.Start); err != nil {
			return err
		}
	}
	if t.State.Finished() {
		if t.End, err = optunaTime(op.Complete); err != nil {
			return err
		}
		// The order of lines is finishing order; times of several machines may disagree.
		s.finished = append(s.finished, t.Number)
	}
	if op.Values != nil {
		t.Values = nil
		for _, v := range op.Values {
			t.Values = append(t.Values, float64(v))
		}
	}
	return nil
}

// setParam sets a parameter. The last value wins, as in Optuna, and takes its place at
// the end.
func setParam(t *trial.Trial, name string, value float64, dist string) error {
	d, err := space.Unmarshal([]byte(dist))
	if err != nil {
		return fmt.Errorf("parameter %q: %w", name, err)
	}
	t.Params = slices.DeleteFunc(t.Params, func(p trial.Param) bool { return p.Name == name })
	t.Params = append(t.Params, trial.Param{Name: name, Value: value, Dist: d})
	return nil
}

// setReport sets the value of a step; null is NaN.
func setReport(t *trial.Trial, step int, value *lines.Number) {
	x := math.NaN()
	if value != nil {
		x = float64(*value)
	}
	i, found := slices.BinarySearchFunc(t.Reports, step, func(r trial.Report, step int) int {
		return cmp.Compare(r.Step, step)
	})
	if found {
		// The last value wins, as in Optuna's journal.
		t.Reports[i].Value = x
	} else {
		t.Reports = slices.Insert(t.Reports, i, trial.Report{Step: step, Value: x})
	}
}

// setTrialAttrs sets system attributes, and constraints from those in which Optuna
// keeps them: constraints:NAME for each, or constraints with a list of all.
func setTrialAttrs(t *trial.Trial, attrs map[string]json.RawMessage) error {
	for key, value := range attrs {
		// The text stays too, as Optuna wrote it.
		t.SystemAttrs[key] = value
		name, one := strings.CutPrefix(key, "constraints:")
		if !one && key != "constraints" {
			continue
		}
		var list []lines.Number
		err := json.Unmarshal(pyjson.Standard(value), &list)
		if one {
			list = make([]lines.Number, 1)
			err = json.Unmarshal(pyjson.Standard(value), &list[0])
		}
		if err != nil {
			return fmt.Errorf("attribute %q is %.100s, want numbers", key, value)
		}
		for i, c := range list {
			// Optuna 4 numbers constraints by their place in the list.
			if !one {
				name = strconv.Itoa(i)
			}
			if t.Constraints == nil {
				t.Constraints = map[string]float64{}
			}
			t.Constraints[name] = float64(c)
		}
	}
	return nil
}

// optunaTime reads a time with a zone, or in local time, as older versions of
// Optuna wrote it.
func optunaTime(text string) (t time.Time, err error) {
	if text == "" {
		return t, nil
	}
	// Local time is that of the writer, which the file does not name; the reader's is the
	// best guess.
	if t, err = time.Parse(time.RFC3339Nano, text); err != nil {
		t, err = time.ParseInLocation("2006-01-02T15:04:05.999999", text, time.Local)
	}
	if err != nil {
		return t, fmt.Errorf("the time is %q, want ISO 8601", text)
	}
	return t.UTC(), nil
}
