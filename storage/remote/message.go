package remote

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/lines"
	"github.com/bluefin-hpo/bluefin/trial"
)

// protocol is the version of the messages. Both sides must have the same.
const protocol = 2

// The headers of a call, besides those of HTTP.
const (
	versionHeader  = "Bluefin-Storage"  // protocol, in requests
	keyHeader      = "Bluefin-Key"      // of a call that writes. Not Idempotency-Key, with which net/http repeats calls
	instanceHeader = "Bluefin-Instance" // of the server; in a repeated request the one that was called before
	contentType    = "application/vnd.bluefin.storage"
)

// A question is the first line of a request. Each method uses some members.
type question struct {
	Study      int64        `json:"study,omitempty"`
	Name       string       `json:"name,omitempty"`
	Directions []string     `json:"directions,omitempty"`
	Number     int          `json:"number,omitempty"`
	ID         int64        `json:"id,omitempty"`
	Revision   int64        `json:"revision,omitempty"`
	Except     []string     `json:"except,omitempty"`
	First      int          `json:"first,omitempty"`
	End        int          `json:"end,omitempty"`
	Most       int          `json:"most,omitempty"`
	Reports    bool         `json:"reports,omitempty"`
	Claim      *claim       `json:"claim,omitempty"`
	Update     *update      `json:"update,omitempty"`
	Change     *studyUpdate `json:"change,omitempty"`
	Trial      *lines.Trial `json:"trial,omitempty"`
	Record     *record      `json:"record,omitempty"`
	Trials     int          `json:"trials,omitempty"` // lines that follow
}

// An answer is the first line of a response. Each method sets some members.
type answer struct {
	Storage    int            `json:"bluefin_storage,omitempty"` // protocol, of the method Hello
	Record     *record        `json:"record,omitempty"`
	Records    []record       `json:"records,omitempty"`
	Trial      *lines.Trial   `json:"trial,omitempty"`
	Trials     int            `json:"trials,omitempty"` // lines that follow
	Revision   int64          `json:"revision,omitempty"`
	Number     int            `json:"number,omitempty"`
	ID         int64          `json:"id,omitempty"`
	Start      string         `json:"start,omitempty"`
	Numbers    []int          `json:"numbers,omitempty"`
	Values     []lines.Number `json:"values,omitempty"`
	Yes        bool           `json:"yes,omitempty"`
	States     map[string]int `json:"states,omitempty"`
	Changed    string         `json:"changed,omitempty"`
	Workers    map[int]worker `json:"workers,omitempty"`
	Checkpoint *checkpoint    `json:"checkpoint,omitempty"`
	Error      *failure       `json:"error,omitempty"`
}

// A record is a study without its trials.
type record struct {
	ID          int64             `json:"id,omitempty"`
	Name        string            `json:"name"`
	Directions  []string          `json:"directions"`
	UserAttrs   map[string]string `json:"user_attrs,omitempty"`
	SystemAttrs map[string]string `json:"system_attrs,omitempty"`
}

// A checkpoint is that of a trial. Its data follows the line, but for CheckpointSize.
type checkpoint struct {
	Step int   `json:"step,omitempty"`
	Size int64 `json:"size,omitempty"`
	Keep bool  `json:"keep,omitempty"`
}

// A worker is a storage.Worker.
type worker struct {
	Host string        `json:"host,omitempty"`
	PID  int           `json:"pid,omitempty"`
	Gone bool          `json:"gone,omitempty"`
	Left time.Duration `json:"left,omitempty"` // nanoseconds
}

// A claim is a storage.Claim.
type claim struct {
	Owner    string         `json:"owner,omitempty"`
	Duration time.Duration  `json:"duration,omitempty"`
	Process  string         `json:"process,omitempty"`
	Budget   int            `json:"budget,omitempty"`
	Seen     int            `json:"seen,omitempty"`
	Policy   storage.Policy `json:"policy,omitempty"`
	Limit    int            `json:"limit,omitempty"`
	Grace    time.Duration  `json:"grace,omitempty"`
	Slice    *slice         `json:"slice,omitempty"`
}

// A slice is a storage.Slice.
type slice struct {
	Number int `json:"number"`
	Until  int `json:"until,omitempty"`
}

// An update is a storage.Update. Values has what the two have in common, and the state.
type update struct {
	Owner      string        `json:"owner,omitempty"`
	Renew      time.Duration `json:"renew,omitempty"`
	Replace    bool          `json:"replace,omitempty"`
	Start      bool          `json:"start,omitempty"`
	Checkpoint *checkpoint   `json:"checkpoint,omitempty"`
	Values     lines.Trial   `json:"values"`
}

// A studyUpdate is a storage.StudyUpdate.
type studyUpdate struct {
	UserAttrs   map[string]string  `json:"user_attrs,omitempty"`
	SystemAttrs map[string]string  `json:"system_attrs,omitempty"`
	If          map[string]*string `json:"if,omitempty"`
}

func encodeRecord(s storage.Study) record {
	return record{s.ID, s.Name, encodeDirections(s.Directions), lines.EncodeAttrs(s.UserAttrs), lines.EncodeAttrs(s.SystemAttrs)}
}

func (r *record) study() (s storage.Study, err error) {
	if r == nil {
		return s, missing("record")
	}
	s = storage.Study{ID: r.ID, Name: r.Name, UserAttrs: lines.DecodeAttrs(r.UserAttrs),
		SystemAttrs: lines.DecodeAttrs(r.SystemAttrs)}
	s.Directions, err = decodeDirections(r.Directions)
	return s, err
}

func encodeDirections(directions []trial.Direction) (names []string) {
	for _, d := range directions {
		names = append(names, d.String())
	}
	return names
}

func decodeDirections(names []string) (directions []trial.Direction, err error) {
	for _, name := range names {
		d, err := trial.ParseDirection(name)
		if err != nil {
			return nil, err
		}
		directions = append(directions, d)
	}
	return directions, nil
}

func encodeClaim(c storage.Claim) *claim {
	return &claim{c.Owner, c.Duration, c.Process, c.Budget, c.Seen, c.Orphans.Policy, c.Orphans.Limit, c.Orphans.Grace,
		(*slice)(c.Slice)}
}

func (c *claim) claim() (storage.Claim, error) {
	if c == nil {
		return storage.Claim{}, missing("claim")
	}
	return storage.Claim{Lease: storage.Lease{Owner: c.Owner, Duration: c.Duration, Process: c.Process}, Budget: c.Budget,
		Seen: c.Seen, Orphans: storage.Orphans{Policy: c.Policy, Limit: c.Limit, Grace: c.Grace},
		Slice: (*storage.Slice)(c.Slice)}, nil
}

// encodeUpdate leaves the data of the checkpoint to the caller.
func encodeUpdate(u storage.Update) (*update, error) {
	values, err := encodeTrial(&trial.Trial{State: u.State, Params: u.Params, Values: u.Values, Reports: u.Reports,
		Constraints: u.Constraints, UserAttrs: u.UserAttrs, SystemAttrs: u.SystemAttrs}, nil)
	e := &update{Owner: u.Owner, Renew: u.Renew, Replace: u.Replace, Start: u.Start, Values: values}
	if c := u.Checkpoint; c != nil {
		e.Checkpoint = &checkpoint{c.Step, int64(len(c.Data)), c.Keep}
	}
	return e, err
}

// update is the inverse. in has the data of the checkpoint.
func (e *update) update(in *reader) (u storage.Update, err error) {
	if e == nil {
		return u, missing("update")
	}
	t, err := e.Values.Decode(in.dists)
	if err != nil {
		return u, err
	}
	u = storage.Update{Owner: e.Owner, Renew: e.Renew, Replace: e.Replace, Start: e.Start, State: t.State, Params: t.Params,
		Values: t.Values, Reports: t.Reports, Constraints: t.Constraints, UserAttrs: t.UserAttrs, SystemAttrs: t.SystemAttrs}
	if c := e.Checkpoint; c != nil {
		u.Checkpoint = &storage.Checkpoint{Step: c.Step, Keep: c.Keep}
		u.Checkpoint.Data, err = in.data(c.Size)
	}
	return u, err
}

func encodeStudyUpdate(u storage.StudyUpdate) *studyUpdate {
	e := &studyUpdate{UserAttrs: lines.EncodeAttrs(u.UserAttrs), SystemAttrs: lines.EncodeAttrs(u.SystemAttrs)}
	for key, text := range u.If {
		if e.If == nil {
			e.If = map[string]*string{}
		}
		e.If[key] = nil
		if text != nil {
			s := string(text)
			e.If[key] = &s
		}
	}
	return e
}

func (e *studyUpdate) update() (u storage.StudyUpdate, err error) {
	if e == nil {
		return u, missing("change")
	}
	u = storage.StudyUpdate{UserAttrs: lines.DecodeAttrs(e.UserAttrs), SystemAttrs: lines.DecodeAttrs(e.SystemAttrs)}
	for key, text := range e.If {
		if u.If == nil {
			u.If = map[string]json.RawMessage{}
		}
		u.If[key] = nil
		if text != nil {
			u.If[key] = json.RawMessage(*text)
		}
	}
	return u, nil
}

func missing(member string) error { return fmt.Errorf("the member %q is missing", member) }

// encodeTrial fails if JSON would change the trial.
func encodeTrial(t *trial.Trial, known lines.Texts) (lines.Trial, error) {
	for _, p := range t.Params {
		if !utf8.ValidString(p.Name) {
			return lines.Trial{}, notUTF8("parameter", p.Name)
		}
	}
	for name := range t.Constraints {
		if !utf8.ValidString(name) {
			return lines.Trial{}, notUTF8("constraint", name)
		}
	}
	if err := checkAttrs(t.UserAttrs, t.SystemAttrs); err != nil {
		return lines.Trial{}, err
	}
	l, err := lines.Encode(t, known)
	if err != nil {
		err = fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	return l, err
}

func checkAttrs(all ...map[string]json.RawMessage) error {
	for _, attrs := range all {
		for key, value := range attrs {
			if !utf8.ValidString(key) || !utf8.Valid(value) {
				return notUTF8("attribute", key)
			}
		}
	}
	return nil
}

func notUTF8(what, name string) error {
	return fmt.Errorf("%w: %s %q is not UTF-8", storage.ErrInvalid, what, name)
}
