package studyfile

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
)

// choice reads NAME, or a mapping with a name and settings.
func (r *reader) choice(n node) (c Choice) {
	c.Where = fmt.Sprintf("%s:%d", r.path, n.Line)
	if n = r.visit(n); n.Kind != yaml.MappingNode {
		c.Name = r.name(n)
		return c
	}
	c.Settings = map[string]any{}
	r.each(n, 0, func(key string, _, value node) {
		if key == "name" {
			c.Name = r.name(value)
		} else if _, ok := c.Settings[key]; !ok {
			c.Settings[key] = r.scalar(value)
		}
	})
	if c.Name == "" {
		r.fail(n, "%s has no name", n.key)
	}
	return c
}

func (r *reader) sampler(n node) Choice {
	c := r.choice(n)
	if r.err == nil {
		if _, _, err := choose.Sampler(c.Name, c.Settings, 0, 0); err != nil {
			r.chosen(n, err)
		}
	}
	return c
}

func (r *reader) pruner(n node) Choice {
	c := r.choice(n)
	if r.err != nil {
		return c
	}
	if c.Settings == nil {
		var err error
		if c.Name, c.Settings, err = choose.PrunerText(c.Name); err != nil {
			r.fail(n, "%v", err)
			return c
		}
	}
	if _, err := choose.Pruner(c.Name, c.Settings, "study"); err != nil {
		r.chosen(n, err)
	}
	return c
}

func (r *reader) scheduler(n node) Choice {
	c := r.choice(n)
	if r.err != nil {
		return c
	}
	if c.Settings == nil {
		var err error
		if c.Name, c.Settings, err = choose.SchedulerText(c.Name); err != nil {
			r.fail(n, "%v", err)
			return c
		}
	}
	if _, err := choose.Scheduler(c.Name, c.Settings); err != nil {
		r.chosen(n, err)
	}
	return c
}

func (r *reader) chosen(n node, err error) {
	if errors.As(err, new(*choose.NameError)) {
		r.fail(n, "%v", err)
		return
	}
	r.fail(n, "%s: %v", n.key, err)
}
