package tpe

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestGroupsAreTheReferences(t *testing.T) {
	var v struct {
		Cases []struct {
			Trials []struct {
				State  string
				Params []string
			}
			Groups [][]string
		}
	}
	oracle.Load(t, "search_space.json", &v)
	for i, c := range v.Cases {
		log := trial.NewLog(minimize)
		for number, row := range c.Trials {
			state, err := trial.ParseState(row.State)
			if err != nil {
				t.Fatal(err)
			}
			u := &trial.Trial{Number: number, State: state, Values: []float64{1}}
			for _, name := range row.Params {
				u.Params = append(u.Params, trial.Param{Name: name, Value: 0.5, Dist: unit})
			}
			log.Put(u)
		}
		var s Search
		for range 2 { // the second time from what is known
			var got [][]string
			for _, g := range s.groups(log.History()) {
				var names []string
				for _, d := range g {
					names = append(names, d.Name)
				}
				got = append(got, names)
			}
			slices.SortFunc(got, slices.Compare)
			slices.SortFunc(c.Groups, slices.Compare)
			if fmt.Sprint(got) != fmt.Sprint(c.Groups) {
				t.Errorf("case %d: groups are %v, want %v", i, got, c.Groups)
			}
		}
		if n := len(c.Trials); n > 0 { // and an older history has those that it had
			fresh, old := &Search{}, log.History().Before(n-1)
			if got, want := s.groups(old), fresh.groups(old); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("case %d: one trial earlier groups are %v, want %v", i, got, want)
			}
		}
	}
}

func TestDrawsGroupsJointly(t *testing.T) {
	wide := space.Float{Low: 0, High: 2}
	log := trial.NewLog(minimize)
	for number := range 40 {
		names := []string{"all", "even", "too"}
		if number%2 == 1 {
			names = []string{"all", "odd"}
		}
		u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{float64(number % 7)}}
		for _, name := range names {
			var d space.Dist = unit
			if name == "odd" && number > 20 {
				d = wide
			}
			u.Params = append(u.Params, trial.Param{Name: name, Value: float64(number) / 40, Dist: d})
		}
		log.Put(u)
	}
	for _, c := range []struct {
		tpe  *Search
		want int
	}{{&Search{}, 4}, {&Search{Optuna: true}, 1}, {&Search{Groups: true}, 4}, {&Search{Groups: true, Optuna: true}, 4}, {&Search{Groups: true, Independent: true}, 0}} {
		got, err := c.tpe.SampleJoint(request(log, 40, 1))
		if err != nil || len(got) != c.want {
			t.Errorf("Groups %v, Independent %v: drew %v, %v, want %d parameters", c.tpe.Groups, c.tpe.Independent, got, err, c.want)
		}
	}
	var s Search
	var dists []space.Dist
	for _, g := range s.groups(log.History()) {
		for _, d := range g {
			if d.Name == "odd" {
				dists = append(dists, d.Dist)
			}
		}
	}
	if len(dists) != 1 || dists[0] != space.Dist(wide) {
		t.Errorf("odd has %v, want the range of the last trials, %v", dists, wide)
	}
}

// In a conditional space, trials of other branches tell something about the shared parameters: once
// the best branch is known, most draws are in it.
func TestDrawsBranchesAsAWhole(t *testing.T) {
	branch, levels := space.Choose("left", "right").Dist(), space.Int{Low: 1, High: 4}
	dims := func(side float64) space.Space {
		if side == 0 {
			return space.Must(space.New(space.Dimension{Name: "side", Dist: branch}, space.Dimension{Name: "left", Dist: levels}))
		}
		return space.Must(space.New(space.Dimension{Name: "side", Dist: branch}, space.Dimension{Name: "right", Dist: levels}))
	}
	log, s, seen := trial.NewLog(minimize), &Search{}, map[string]int{}
	for number := range 40 {
		r := request(log, number, 3)
		joint, err := s.SampleJoint(r)
		if err != nil {
			t.Fatal(err)
		}
		if number > 20 && len(joint) != 3 {
			t.Fatalf("trial %d: drew %v, want the parameters of both branches", number, joint)
		}
		u := &trial.Trial{Number: number, State: trial.Complete}
		side, ok := joint["side"]
		if !ok {
			side = float64(number % 2)
		}
		y := 0.0
		for _, d := range dims(side) {
			x, ok := joint[d.Name]
			switch {
			case d.Name == "side":
				x = side
			case !ok:
				x = float64(1 + number/2%4)
			}
			u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
			y += x
		}
		// Eight points in total: none repeats before the others were tried.
		if seen[fmt.Sprint(u.Params)]++; number >= 10 && number < len(seen)-1 && seen[fmt.Sprint(u.Params)] > 1 {
			t.Errorf("trial %d: %v is tried again, of 8 points %d were tried", number, u.Params, len(seen))
		}
		u.Values = []float64{y}
		log.Put(u)
	}
	if len(seen) != 8 {
		t.Errorf("%d of 8 points were tried in 40 trials, want all", len(seen))
	}
}

// A name that never comes again is no use for the next trial. If each widened the space, a draw
// would soon take seconds. Only the first 64 do.
func TestDrawsOnItsOwnWhatOnlyOneTrialHas(t *testing.T) {
	log, s := trial.NewLog(minimize), &Search{}
	put := func(names ...string) {
		u := &trial.Trial{Number: len(log.History().Finished()), State: trial.Complete, Values: []float64{1}}
		for _, name := range names {
			u.Params = append(u.Params, trial.Param{Name: name, Value: 1, Dist: space.Int{Low: 0, High: 9}})
		}
		log.Put(u)
	}
	joint := func() []string {
		t.Helper()
		drawn, err := s.SampleJoint(request(log, len(log.History().Finished()), 1))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(drawn))
	}
	want := []string{"x"}
	for i := range 63 {
		want = append(want, fmt.Sprint("early", i))
		put(want[0], want[i+1])
	}
	slices.Sort(want)
	for i := range 300 {
		name := fmt.Sprint("only", i)
		put("x", name)
		if _, err := s.Sample(request(log, i+64, 1), name, space.Int{Low: 0, High: 9}); err != nil {
			t.Fatal(err)
		}
		if i%30 > 0 {
			continue
		}
		if got := joint(); !slices.Equal(got, want) {
			t.Fatalf("trial %d: drew %v, want %v", i, got, want)
		}
	}
	if n, most := len(s.histories[0].models), 16+4*64; n > most {
		t.Errorf("%d models are kept for 64 parameters, want at most %d", n, most)
	}
	// Points may repeat until all parameters in which trials differ are known.
	if now := s.view(request(log, 363, 1), cube.Free(s.whole(log.History()))); now.untried != nil {
		t.Error("trials differ in what only one of them has, but points come once only")
	}
	put("x", "only7")
	want = append(want, "only7")
	slices.Sort(want)
	if got := joint(); !slices.Equal(got, want) {
		t.Errorf("what two trials have: drew %v, want %v", got, want)
	}
	old := request(log, 363, 1)
	old.History = log.History().Before(363)
	if drawn, err := s.SampleJoint(old); err != nil || len(drawn) != 64 {
		t.Errorf("a trial earlier: drew %v, %v, want 64 parameters", drawn, err)
	}
	u := &trial.Trial{Number: 364, State: trial.Complete, Values: []float64{1}, Params: []trial.Param{
		{Name: "only8", Value: 1, Dist: space.Int{Low: 0, High: 5}},
	}}
	log.Put(u)
	if got := joint(); !slices.Equal(got, want) {
		t.Errorf("what two trials have with two ranges: drew %v, want %v", got, want)
	}
}

// Every candidate is looked up once for every set of parameters, so there is a limit on these.
func TestMayRepeatWhatHasTooManyBranches(t *testing.T) {
	log, s, dist := trial.NewLog(minimize), &Search{}, space.Int{Low: 0, High: 2}
	for number := range 65 { // number 0 has all, the others have those of their bits
		u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{1}}
		for bit := range 7 {
			if number == 0 || number>>bit&1 > 0 {
				u.Params = append(u.Params, trial.Param{Name: fmt.Sprint("p", bit), Value: 1, Dist: dist})
			}
		}
		log.Put(u)
	}
	for _, seen := range []int{65, 64, 65} {
		r := request(log, 65, 1)
		r.History = log.History().Before(seen)
		if now := s.view(r, s.whole(r.History)); (now.untried == nil) != (seen == 65) {
			t.Errorf("%d sets of parameters: points come once only: %v", seen, now.untried != nil)
		}
	}
}
