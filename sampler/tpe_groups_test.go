package sampler

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestTPEGroupsAreTheReferences(t *testing.T) {
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
		var s TPE
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
			fresh, old := &TPE{}, log.History().Before(n-1)
			if got, want := s.groups(old), fresh.groups(old); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("case %d: one trial earlier groups are %v, want %v", i, got, want)
			}
		}
	}
}

func TestTPEDrawsGroupsJointly(t *testing.T) {
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
		tpe  *TPE
		want int
	}{{&TPE{}, 3}, {&TPE{Optuna: true}, 1}, {&TPE{Groups: true}, 4}, {&TPE{Groups: true, Optuna: true}, 4}, {&TPE{Groups: true, Independent: true}, 0}} {
		got, err := c.tpe.SampleJoint(request(log, 40, 1))
		if err != nil || len(got) != c.want {
			t.Errorf("Groups %v, Independent %v: drew %v, %v, want %d parameters", c.tpe.Groups, c.tpe.Independent, got, err, c.want)
		}
	}
	var s TPE
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

// In a conditional space too, the trials of other branches say something of
// what all have in common: with the best branch known, most draws are in it.
func TestTPEDrawsBranchesAsAWhole(t *testing.T) {
	branch, levels := space.Choose("left", "right").Dist(), space.Int{Low: 1, High: 4}
	dims := func(side float64) space.Space {
		if side == 0 {
			return space.New(space.Dimension{Name: "side", Dist: branch}, space.Dimension{Name: "left", Dist: levels})
		}
		return space.New(space.Dimension{Name: "side", Dist: branch}, space.Dimension{Name: "right", Dist: levels})
	}
	log, s, seen := trial.NewLog(minimize), &TPE{}, map[string]int{}
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
		// Eight points in all: none comes again before the others were tried.
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
