package remote

import (
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Each method reads its request to the end before it changes anything.

// one answers with a trial.
func (c *call) one(t *trial.Trial) error {
	l, err := encodeTrial(t, nil)
	c.to.Trial = &l
	return err
}

func (c *call) create() error {
	directions, err := decodeDirections(c.Directions)
	if err == nil {
		err = c.in.end()
	}
	if err != nil {
		return invalid(err)
	}
	s, err := c.v.Create(c.ctx, c.Name, directions)
	c.to.Record = recordOf(s)
	return err
}

func (c *call) delete() error {
	if err := c.in.end(); err != nil {
		return invalid(err)
	}
	return c.v.Delete(c.ctx, c.Study)
}

func (c *call) writeStudy() error {
	u, err := c.Change.update()
	if err == nil {
		err = c.in.end()
	}
	if err != nil {
		return invalid(err)
	}
	return c.v.WriteStudy(c.ctx, c.Study, u)
}

func (c *call) add() error {
	if c.Trial == nil {
		return invalid(missing("trial"))
	}
	t, err := c.Trial.Decode(c.in.dists)
	if err == nil {
		err = c.in.end()
	}
	if err != nil {
		return invalid(err)
	}
	c.to.Number, err = c.v.Add(c.ctx, c.Study, t)
	return err
}

func (c *call) write() error {
	u, err := c.Update.update(c.in)
	if err == nil {
		err = c.in.end()
	}
	if err != nil {
		return invalid(err)
	}
	return c.v.Write(c.ctx, c.Study, c.Number, u)
}

func (c *call) importStudy() error {
	s, err := c.Record.study()
	if err != nil {
		return invalid(err)
	}
	whole := storage.Snapshot{Study: s}
	if whole.Trials, err = c.in.trials(c.Trials); err == nil {
		err = c.in.end()
	}
	if err != nil {
		return invalid(err)
	}
	created, err := c.v.Import(c.ctx, whole)
	c.to.Record = recordOf(created)
	return err
}
