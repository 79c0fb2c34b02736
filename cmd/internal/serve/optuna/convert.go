package optuna

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// layout is that of the times of the protocol, which have no zone.
const layout = "2006-01-02 15:04:05.000000"

// toTrial returns a trial as clients get it.
func toTrial(t *trial.Trial, id int64) *pb.Trial {
	m := &pb.Trial{
		TrialId: id, Number: int64(t.Number), State: pb.TrialState(t.State), Values: t.Values,
		DatetimeStart: toTime(t.Start), DatetimeComplete: toTime(t.End),
		Params: map[string]float64{}, Distributions: map[string]string{},
		UserAttributes: toAttrs(t.UserAttrs), SystemAttributes: toAttrs(t.SystemAttrs),
		IntermediateValues: map[int64]float64{},
	}
	for _, p := range t.Params {
		m.Params[p.Name] = p.Value
		m.Distributions[p.Name], _ = space.Marshal(p.Dist) // which was read from such a text
	}
	for _, r := range t.Reports {
		m.IntermediateValues[int64(r.Step)] = r.Value
	}
	constraints := maps.Clone(t.Constraints)
	var list []string
	for {
		name := strconv.Itoa(len(list))
		c, ok := constraints[name]
		if !ok {
			break
		}
		list = append(list, pyjson.Float(c))
		delete(constraints, name)
	}
	if list != nil {
		m.SystemAttributes[sysattr.ConstraintList] = "[" + strings.Join(list, ", ") + "]"
	}
	for name, c := range constraints {
		m.SystemAttributes[sysattr.ConstraintPrefix+name] = pyjson.Float(c)
	}
	return m
}

func toTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format(layout)
}

// fromTrial returns the trial that a client wants to add. Messages have no order of parameters, so
// they are sorted by name.
func fromTrial(m *pb.Trial) (*trial.Trial, error) {
	t := &trial.Trial{State: trial.State(m.GetState()), Values: m.GetValues(),
		UserAttrs: fromAttrs(m.GetUserAttributes()), SystemAttrs: fromAttrs(m.GetSystemAttributes())}
	if m.GetState() < 0 || m.GetState() > pb.TrialState_WAITING {
		return nil, invalid("%d is not a state", m.GetState())
	}
	var err error
	if t.Start, err = fromTime(m.GetDatetimeStart()); err != nil {
		return nil, err
	}
	if t.End, err = fromTime(m.GetDatetimeComplete()); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(m.GetParams())) {
		p, err := fromParam(name, m.GetParams()[name], m.GetDistributions()[name])
		if err != nil {
			return nil, err
		}
		t.Params = append(t.Params, p)
	}
	for _, step := range slices.Sorted(maps.Keys(m.GetIntermediateValues())) {
		t.Reports = append(t.Reports, trial.Report{Step: int(step), Value: m.GetIntermediateValues()[step]})
	}
	return t, nil
}

// fromParam returns a parameter. Optuna lets its value be out of range, but cannot read a
// distribution back that has no range.
func fromParam(name string, value float64, distribution string) (trial.Param, error) {
	d, err := space.Unmarshal([]byte(distribution))
	if c, ok := d.(space.Categorical); err == nil && (!ok || len(c.Choices) == 0) {
		err = d.Check()
	}
	if err != nil {
		return trial.Param{}, invalid("parameter %q: %w", name, err)
	}
	return trial.Param{Name: name, Value: value, Dist: d}, nil
}

func fromTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(layout, text, time.Local)
	if err != nil {
		return at, invalid("the time %.40q is not like %q", text, layout)
	}
	return at, nil
}

func fromAttrs(attrs map[string]string) map[string]json.RawMessage {
	all := make(map[string]json.RawMessage, len(attrs))
	for key, value := range attrs {
		all[key] = json.RawMessage(value)
	}
	return all
}
