package remote

import (
	"context"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/lines"
)

// A method answers one call of a client.
type method func(*call) error

// A call is a request and what will answer it.
type call struct {
	ctx context.Context
	v   storage.Viewer
	*question
	in *reader
	to *reply
}

// methods are all methods by their paths below Path.
func methods() map[string]method {
	return map[string]method{
		"read/Hello":          (*call).hello,
		"read/Load":           (*call).load,
		"read/Studies":        (*call).studies,
		"read/Checkpoint":     (*call).checkpoint,
		"read/Since":          (*call).since,
		"read/Trial":          (*call).trial,
		"read/Extent":         (*call).extent,
		"read/Best":           (*call).best,
		"read/Export":         (*call).export,
		"read/Tally":          (*call).tally,
		"read/Some":           (*call).some,
		"read/Range":          (*call).trialRange,
		"read/Values":         (*call).values,
		"read/Reported":       (*call).reported,
		"read/Workers":        (*call).workers,
		"read/CheckpointSize": (*call).checkpointSize,
		"read/TrialID":        (*call).trialID,
		"read/TrialByID":      (*call).trialByID,
		"read/Await":          (*call).await,
		"write/Create":        (*call).create,
		"write/Delete":        (*call).delete,
		"write/WriteStudy":    (*call).writeStudy,
		"write/Add":           (*call).add,
		"write/Begin":         (*call).begin,
		"write/Write":         (*call).write,
		"write/Import":        (*call).importStudy,
	}
}

func (c *call) hello() error {
	c.to.Storage = protocol
	return nil
}

func (c *call) load() error {
	s, err := c.v.Load(c.ctx, c.Name)
	c.to.Record = recordOf(s)
	return err
}

func recordOf(s storage.Study) *record {
	r := encodeRecord(s)
	return &r
}

func (c *call) studies() error {
	all, err := c.v.Studies(c.ctx)
	for _, s := range all {
		c.to.Records = append(c.to.Records, encodeRecord(s))
	}
	return err
}

func (c *call) checkpoint() error {
	p, err := c.v.Checkpoint(c.ctx, c.Study, c.Number)
	c.to.Checkpoint, c.to.data = &checkpoint{p.Step, int64(len(p.Data)), p.Keep}, p.Data
	return err
}

func (c *call) changes(changes storage.Changes, err error) error {
	c.to.Revision, c.to.trials = changes.Revision, changes.Trials
	return err
}

func (c *call) since() error { return c.changes(c.v.Since(c.ctx, c.Study, c.Revision, c.Except...)) }

func (c *call) some() error {
	return c.changes(c.v.Some(c.ctx, c.Study, c.Revision, c.Most, c.Reports))
}

func (c *call) trialRange() (err error) {
	c.to.trials, err = c.v.Range(c.ctx, c.Study, c.First, c.End)
	return err
}

func (c *call) trial() error {
	t, err := c.v.Trial(c.ctx, c.Study, c.question.Number)
	if err == nil {
		err = c.one(t)
	}
	return err
}

func (c *call) best() error {
	t, err := c.v.Best(c.ctx, c.Study)
	if err == nil {
		err = c.one(t)
	}
	return err
}

func (c *call) begin() error {
	claim, err := c.Claim.claim()
	if err != nil {
		return invalid(err)
	}
	if err := c.in.end(); err != nil {
		return invalid(err)
	}
	t, err := c.v.Begin(c.ctx, c.Study, claim)
	if err == nil {
		err = c.one(t)
	}
	return err
}

func (c *call) extent() error {
	n, start, err := c.v.Extent(c.ctx, c.Study)
	c.to.Number, c.to.Start = n, lines.EncodeTime(start)
	return err
}

func (c *call) export() error {
	s, err := c.v.Export(c.ctx, c.Name)
	c.to.Record, c.to.trials = recordOf(s.Study), s.Trials
	return err
}

func (c *call) tally() error {
	t, err := c.v.Tally(c.ctx, c.Study)
	c.to.Revision, c.to.Changed, c.to.States = t.Revision, lines.EncodeTime(t.Changed), map[string]int{}
	for state, n := range t.States {
		c.to.States[state.String()] = n
	}
	return err
}

func (c *call) values() error {
	numbers, values, err := c.v.Values(c.ctx, c.Study)
	c.to.Numbers = numbers
	for _, v := range values {
		c.to.Values = append(c.to.Values, lines.Number(v))
	}
	return err
}

func (c *call) reported() (err error) {
	c.to.Yes, err = c.v.Reported(c.ctx, c.Study)
	return err
}

func (c *call) workers() error {
	all, err := c.v.Workers(c.ctx, c.Study)
	c.to.Workers = map[int]worker{}
	for number, w := range all {
		c.to.Workers[number] = worker(w)
	}
	return err
}

func (c *call) checkpointSize() error {
	step, size, ok, err := c.v.CheckpointSize(c.ctx, c.Study, c.Number)
	c.to.Yes, c.to.Checkpoint = ok, &checkpoint{Step: step, Size: size}
	return err
}

func (c *call) trialID() (err error) {
	c.to.ID, err = c.v.TrialID(c.ctx, c.Study, c.Number)
	return err
}

func (c *call) trialByID() (err error) {
	c.to.ID, c.to.Number, err = c.v.TrialByID(c.ctx, c.ID)
	return err
}

func (c *call) await() error { return c.v.Await(c.ctx, c.Study, c.Revision) }
