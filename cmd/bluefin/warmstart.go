package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/earlier"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// warmFlag names earlier studies.
func (s *runner) warmFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "warm-start", Destination: &s.warmStart,
		Usage: "learn from the studies of `FILE`[#STUDY], a study file or another --storage; again for several. They are " +
			"copied into this study when it starts"}
}

// warmed puts the sampler that learns from earlier studies around the chosen one, if there are any. teach
// or recall tells it which.
func (s *runner) warmed(cfg *study.Config) error {
	if len(s.warmStart.Value()) == 0 {
		return nil
	}
	if _, finite := cfg.Sampler.(sampler.FiniteSampler); finite {
		return usagef("--sampler is %s, which tries every combination, and --warm-start is set: want one of them",
			s.sampler.chosen())
	}
	if perSecond(cfg.Sampler) {
		return usagef("--per is second and --warm-start is set: want one of them, since earlier studies say nothing of seconds")
	}
	s.warm = &sampler.WarmStart{Sampler: cfg.Sampler}
	cfg.Sampler = s.warm
	return nil
}

// perSecond reports whether a sampler counts improvement per second, by the flag or by study.yaml.
func perSecond(s sampler.Sampler) bool {
	switch s := s.(type) {
	case *sampler.Auto:
		return s.PerSecond
	case *sampler.GP:
		return s.PerSecond
	}
	return false
}

// teach gives the sampler the earlier studies: the copies that the study has, or else new ones, which the
// study keeps, so that a resumed study and its workers learn the same. A study that has copies learns from them
// without the flag, too: then the sampler of cfg changes. sp is the search space.
func (s *runner) teach(ctx context.Context, con console, cfg *study.Config, sp space.Space) error {
	record, err := cfg.Storage.Load(ctx, cfg.Name)
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	copies, ok, err := earlier.Of(record)
	if err != nil || s.warm == nil && !ok {
		return err
	}
	if s.warm == nil {
		if cfg.Sampler, _, err = s.sampler.sampler(s.trials); err != nil {
			return err
		}
		s.warmStart = *cli.NewStringSlice(copies.Asked...)
		if err := s.warmed(cfg); err != nil {
			return usagef("study %q learns from %s, and --sampler is %s, which tries every combination: want another one, "+
				"or another --study-name", cfg.Name, listed(copies.Asked), s.sampler.chosen())
		}
	}
	asked, err := shownEarlier(s.warmStart.Value())
	switch {
	case err != nil:
		return err
	case ok && !slices.Equal(copies.Asked, asked):
		return usagef("--warm-start is %s, and study %q has learned from %s: want that, or another --study-name",
			listed(asked), cfg.Name, listed(copies.Asked))
	case !ok:
		own, _ := s.storage.place()
		var out []string
		if copies, out, err = readEarlier(ctx, con, s.warmStart.Value(), own, cfg.Name); err != nil {
			return err
		}
		copies.Asked = asked
		copies.Studies, out = related(sp, copies.Studies, out)
		if len(copies.Studies) == 0 {
			return usagef("--warm-start is %s, and no study there can teach: %s", listed(asked), strings.Join(out, "; "))
		}
		if _, err := study.Open(ctx, *cfg); err != nil { // it may not exist, or have other directions
			return err
		}
		if record, err = cfg.Storage.Load(ctx, cfg.Name); err != nil {
			return err
		}
		if copies, err = copies.Save(ctx, cfg.Storage, record); err != nil {
			return err
		}
		for _, line := range out {
			con.logf("Not learned from: %s.", line)
		}
	}
	if s.warm.Sources, err = copies.Histories(); err != nil {
		return err
	}
	s.warm.Names = copies.Names()
	con.logf("Learning from %s.", s.lessons(ctx, *cfg, copies))
	return nil
}

// related drops studies that share no parameter with a space, and adds them to the reasons.
func related(sp space.Space, studies []earlier.Study, out []string) ([]earlier.Study, []string) {
	if len(sp) == 0 { // not known before the first trial
		return studies, out
	}
	studies = slices.DeleteFunc(studies, func(s earlier.Study) bool {
		strange := !slices.ContainsFunc(sp, func(d space.Dimension) bool { return s.Has(d.Name, d.Dist) })
		if strange {
			out = append(out, s.From+" has no parameter of this study, on the same scale")
		}
		return strange
	})
	return studies, out
}

// lessons names the earlier studies, with their weights once the study has trials.
func (s *runner) lessons(ctx context.Context, cfg study.Config, copies earlier.Copies) string {
	weights := map[string]float64{}
	if st, err := study.Load(ctx, cfg); err == nil {
		if e, err := st.ExplainNext(ctx, nil); err == nil {
			for _, f := range e.Facts {
				weights[f.Name] = f.Value
			}
		}
	}
	share := weights["warm_share"]
	type lesson struct {
		text   string
		weight float64
	}
	var lessons []lesson
	for i, one := range copies.Studies {
		l := lesson{counted(one.Finished, "trial"), weights["warm_weight_"+strconv.Itoa(i+1)]}
		if share > 0 {
			l.text += fmt.Sprintf(", weight %.2f", l.weight)
		}
		lessons = append(lessons, lesson{fmt.Sprintf("%s (%s)", one.From, l.text), l.weight})
	}
	slices.SortStableFunc(lessons, func(a, b lesson) int { return cmp.Compare(b.weight, a.weight) })
	var names []string
	for _, l := range lessons {
		names = append(names, l.text)
	}
	line := listed(names)
	if share > 0 {
		line += fmt.Sprintf("; they draw %.0f %% of the next trials", 100*share)
	}
	return line
}

// recall gives the sampler of a worker the copies that the study has.
func (s *runner) recall(record storage.Study) error {
	if s.warm == nil {
		return nil
	}
	copies, ok, err := earlier.Of(record)
	if err == nil && !ok {
		err = fmt.Errorf("study %q has a plan with warm_start and no copies of earlier studies: bluefin tune, finetune or "+
			"create-study -f make them", record.Name)
	}
	if err == nil {
		s.warm.Sources, err = copies.Histories()
		s.warm.Names = copies.Names()
	}
	return err
}

// readEarlier copies the studies that the flags name, but the one called name at own, and returns why others
// were left out.
func readEarlier(ctx context.Context, con console, asked []string, own place, name string) (
	copies earlier.Copies, out []string, err error) {
	for _, value := range asked {
		at, study, err := earlierPlace(value)
		if err != nil {
			return copies, nil, err
		}
		same := samePlace(at, own)
		if same && study == name {
			return copies, nil, usagef("--warm-start is %s, which is this study: want an earlier one", value)
		}
		all, left, err := copiesOf(ctx, con, at, study, func(other string) bool { return !same || other != name })
		if err != nil {
			return copies, nil, fmt.Errorf("--warm-start: %w", err)
		}
		copies.Studies, out = append(copies.Studies, all...), append(out, left...)
	}
	return copies, out, nil
}

// earlierPlace splits FILE#STUDY. A path that exists as it is has no study.
func earlierPlace(value string) (at place, name string, err error) {
	where, name, found := strings.Cut(value, "#")
	if _, statErr := os.Stat(value); statErr == nil {
		where, name, found = value, "", false
	}
	if found && name == "" {
		return at, "", usagef("--warm-start is %q, want the name of a study after #", value)
	}
	at, err = newPlace("warm-start", where)
	return at, name, err
}

// shownEarlier returns values of the flag without passwords, which no study may keep.
func shownEarlier(values []string) (all []string, err error) {
	for _, value := range values {
		at, name, err := earlierPlace(value)
		if err != nil {
			return nil, err
		}
		text := at.String()
		if name != "" {
			text += "#" + name
		}
		all = append(all, text)
	}
	return all, nil
}

// samePlace reports whether two places are one.
func samePlace(a, b place) bool {
	if !a.isFile() || !b.isFile() {
		return a == b
	}
	return a.path == b.path || sameFile(a.path, b.path)
}

const fewestGood = 5 // complete, feasible trials of a study that can teach

// copiesOf copies one study, or all that wanted accepts if name is empty. It opens the storage only to read.
func copiesOf(ctx context.Context, con console, at place, name string, wanted func(string) bool) (
	all []earlier.Study, out []string, err error) {
	db, err := at.open(ctx, con, access{readOnly: true, mustExist: true})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var records []storage.Study
	if name != "" {
		record, err := db.Load(ctx, name)
		if err != nil {
			return nil, nil, oneOfStudies(ctx, db, at, name, err)
		}
		records = append(records, record)
	} else if records, err = db.Studies(ctx); err != nil {
		return nil, nil, err
	}
	if len(records) == 0 {
		out = append(out, fmt.Sprintf("%s has no study", at))
	}
	for _, r := range records {
		from := at.String() + "#" + r.Name
		if name == "" && !wanted(r.Name) {
			continue
		}
		if n := len(r.Directions); n != 1 {
			out = append(out, fmt.Sprintf("%s has %d objectives, want 1", from, n))
			continue
		}
		h, err := historyIn(ctx, db, r)
		if err != nil {
			return nil, nil, err
		}
		one, err := earlier.Copy(from, h)
		if err != nil {
			return nil, nil, err
		}
		if n := one.Good(); n < fewestGood {
			out = append(out, fmt.Sprintf("%s has %s, want at least %d", from, counted(n, "complete feasible trial"), fewestGood))
			continue
		}
		all = append(all, one)
	}
	return all, out, nil
}

// oneOfStudies adds the names of all studies to the error for a missing one.
func oneOfStudies(ctx context.Context, db storage.Storage, at place, name string, err error) error {
	all, listErr := db.Studies(ctx)
	if !errors.Is(err, storage.ErrNotExist) || listErr != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if len(all) == 0 {
		return fmt.Errorf("%s has no study, want %q there", at, name)
	}
	var names []string
	for _, s := range all {
		names = append(names, strconv.Quote(s.Name))
	}
	return fmt.Errorf("%s has no study %q, want one of %s", at, name, listed(names))
}

// historyIn reads the trials of a study.
func historyIn(ctx context.Context, db storage.Storage, r storage.Study) (trial.History, error) {
	st, err := study.Load(ctx, study.Config{Name: r.Name, Storage: db})
	if err != nil {
		return trial.History{}, err
	}
	return st.History(ctx)
}
