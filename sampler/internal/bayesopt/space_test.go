package bayesopt

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// of returns a complete trial, given names and values in turn. The first letter of a name
// is its kind: c has three choices, i the ints 0 to 9, k a single value; any other is in
// [0, 1].
func of(number int, params ...any) *trial.Trial {
	t := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{float64(number)}}
	for i := 0; i < len(params); i += 2 {
		name := params[i].(string)
		var d space.Dist = space.Float{Low: 0, High: 1}
		switch name[0] {
		case 'c':
			d = space.Choose("a", "b", "c").Dist()
		case 'i':
			d = space.Int{Low: 0, High: 9}
		case 'k':
			d = space.Int{Low: 0, High: 0}
		}
		t.Params = append(t.Params, trial.Param{Name: name, Value: params[i+1].(float64), Dist: d})
	}
	return t
}

// spaceOf returns the space of some complete trials.
func spaceOf(trials ...*trial.Trial) Space {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for i, t := range trials {
		t.Number = i
		log.Put(t)
	}
	return SpaceOf(log.History())
}

// text returns each parameter with its parent and the missing values.
func (g Space) text() (list []string) {
	for i, d := range g.Space {
		s := d.Name
		if c := g.conditions[i]; c != nil {
			s += fmt.Sprintf(" by %s not %v", g.Space[c.parent].Name, c.missing)
		}
		list = append(list, s)
	}
	return list
}

func TestLearnsWhatDependsOnWhat(t *testing.T) {
	moved := of(0, "c", 1.0, "x", 0.5)
	moved.Params[1].Dist = space.Float{Low: 0, High: 2}
	for _, c := range []struct {
		name   string
		trials []*trial.Trial
		want   []string
	}{
		{"all trials have all", []*trial.Trial{of(0, "c", 0.0, "x", 0.1), of(0, "c", 1.0, "x", 0.2)}, []string{"c", "x"}},
		{"one method has a setting", []*trial.Trial{of(0, "c", 0.0, "x", 0.1), of(0, "c", 1.0), of(0, "c", 2.0)}, []string{"c", "x by c not [1 2]"}},
		{"a value that was not tried may have it", []*trial.Trial{of(0, "c", 0.0, "x", 0.1), of(0, "c", 1.0)}, []string{"c", "x by c not [1]"}},
		{"two settings of one method", []*trial.Trial{of(0, "c", 0.0, "x", 0.1, "y", 0.1), of(0, "c", 1.0)}, []string{"c", "x by c not [1]", "y by c not [1]"}},
		{"a number of layers", []*trial.Trial{of(0, "i", 3.0, "x", 0.1), of(0, "i", 4.0, "x", 0.2), of(0, "i", 1.0)}, []string{"i", "x by i not [1]"}},
		{"settings of settings", []*trial.Trial{
			of(0, "c1", 0.0, "c2", 0.0, "x", 0.1), of(0, "c1", 0.0, "c2", 1.0), of(0, "c1", 1.0), of(0, "c1", 0.0, "c2", 0.0, "x", 0.4),
		}, []string{"c1", "c2 by c1 not [1]", "x by c2 not [1]"}},
		{"by chance", []*trial.Trial{of(0, "c", 0.0, "x", 0.1), of(0, "c", 0.0)}, []string{"c"}},
		{"by a continuous parameter", []*trial.Trial{of(0, "y", 0.9, "x", 0.1), of(0, "y", 0.1)}, []string{"y"}},
		{"by one that has no parent itself", []*trial.Trial{
			of(0, "c1", 0.0, "c2", 0.0, "x", 0.1), of(0, "c1", 0.0), of(0, "c1", 0.0, "c2", 1.0),
		}, []string{"c1"}},
		{"only with each other", []*trial.Trial{of(0, "x", 0.1), of(0, "c", 0.1)}, []string{}},
		{"the range has changed", []*trial.Trial{moved, of(0, "c", 1.0, "x", 0.1), of(0, "c", 0.0)}, []string{"c"}},
		{"without a choice", []*trial.Trial{of(0, "c", 0.0, "k", 0.0), of(0, "c", 1.0)}, []string{"c"}},
		{"of two, the one in fewer trials", []*trial.Trial{
			of(0, "c1", 0.0, "c2", 0.0, "x", 0.1), of(0, "c1", 0.0, "c2", 0.0, "x", 0.1), of(0, "c1", 0.0, "c2", 1.0), of(0, "c1", 1.0), of(0, "c1", 2.0),
		}, []string{"c1", "c2 by c1 not [1 2]", "x by c2 not [1]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := spaceOf(c.trials...).text(); !slices.Equal(got, c.want) {
				t.Errorf("the space is %q, want %q", got, c.want)
			}
		})
	}
}

func TestPointsAgreeInWhatDoesNotExist(t *testing.T) {
	g := spaceOf(
		of(0, "c1", 0.0, "c2", 0.0, "x", 0.1), of(0, "c1", 0.0, "c2", 1.0), of(0, "c1", 1.0), of(0, "c1", 0.0, "c2", 0.0, "x", 0.3),
		of(0, "c1", 1.0),
	)
	if want := []string{"c1", "c2 by c1 not [1]", "x by c2 not [1]"}; !slices.Equal(g.text(), want) {
		t.Fatalf("the space is %q, want %q", g.text(), want)
	}
	for _, c := range []struct {
		name string
		x    []float64
		want []float64
		idle []bool
	}{
		{"all exist", []float64{0, 0, 0.9}, []float64{0, 0, 0.9}, []bool{false, false, false}},
		{"one does not", []float64{0, 1, 0.9}, []float64{0, 1, nowhere}, []bool{false, false, true}},
		{"what depends on what does not exist", []float64{1, 0, 0.9}, []float64{1, noCategory, nowhere}, []bool{false, true, true}},
		{"values that were not tried", []float64{2, 2, 0.9}, []float64{2, 2, 0.9}, []bool{false, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.x)
			got, idle := g.fold(c.x)
			if !slices.Equal(got, c.want) || !slices.Equal(idle, c.idle) || !slices.Equal(c.x, before) {
				t.Errorf("%v becomes %v, idle %v, and is %v; want %v, %v", before, got, idle, c.x, c.want, c.idle)
			}
			again, _ := g.fold(g.unfold(got))
			if !slices.Equal(again, got) {
				t.Errorf("%v unfolds to %v, which represents %v", got, g.unfold(got), again)
			}
			for i, d := range g.Space {
				if v := cube.Value(d.Dist, g.unfold(got)[i]); !d.Dist.Contains(v) {
					t.Errorf("%v unfolds to %v of %s, which is not a value", got, v, d.Name)
				}
			}
		})
	}
	// A trial is where its own coordinates fold to.
	for _, u := range []*trial.Trial{of(0, "c1", 1.0), of(0, "c1", 0.0, "c2", 1.0), of(0, "c1", 0.0, "c2", 0.0, "x", 0.7)} {
		x, ok := g.point(u)
		if y, _ := g.fold(g.unfold(x)); !ok || !slices.Equal(x, y) {
			t.Errorf("trial %v is at %v (%v), which represents %v", u.Params, x, ok, y)
		}
	}
	if _, ok := g.point(of(0, "c2", 0.0)); ok {
		t.Error("a trial without what all have has a point")
	}
}
