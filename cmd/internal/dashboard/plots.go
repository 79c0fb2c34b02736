package dashboard

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// mostPoints is how many trials a plot shows at most.
const mostPoints = 5000

// A plotAnswer is the JSON of /api/studies/ID/plots/NAME.
type plotAnswer struct {
	Plot     any   `json:"plot"`
	Shown    int   `json:"shown"`    // trials in the plot
	Matching int   `json:"matching"` // trials that the filter leaves
	Trials   int   `json:"trials"`   // trials that there are
	Loading  bool  `json:"loading,omitempty"`
	Revision int64 `json:"revision"`
}

// answers keep the plots of a snapshot: several viewers want the same.
type answers struct {
	mu    sync.Mutex
	byKey map[string]*answer
}

// An answer is made once.
type answer struct {
	once sync.Once
	body []byte
	err  error
}

// get returns the answer of a key, which the first caller makes.
func (a *answers) get(key string, make func() ([]byte, error)) ([]byte, error) {
	a.mu.Lock()
	if a.byKey == nil {
		a.byKey = map[string]*answer{}
	}
	one := a.byKey[key]
	if one == nil {
		one = &answer{}
		if len(a.byKey) < 200 { // a script may ask for any number of filters
			a.byKey[key] = one
		}
	}
	a.mu.Unlock()
	one.once.Do(func() {
		one.err = errors.New("it failed before") // if make panics
		one.body, one.err = make()
	})
	return one.body, one.err
}

// plotAPI answers with the data of a plot.
func (s *Server) plotAPI(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	q.Del("token")
	f, err := parseFilter(q, now)
	if err != nil {
		return err
	}
	target, err := now.target(q.Get("objective"))
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	make := func() ([]byte, error) {
		c := plot.Config{Objective: target, Names: now.objectives(), Params: q["param"]}
		answer, err := plotRequest{now, f, filterOnly(q).Encode(), c}.draw(name)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answer)
	}
	var body []byte
	if name == "importances" { // kept elsewhere, and renewed even if nothing more happens
		body, err = make()
	} else {
		body, err = now.plots.get(name+"?"+q.Encode(), make)
	}
	if err != nil {
		return err
	}
	send(w, r, http.StatusOK, "application/json", body)
	return nil
}

// target reads the number of an objective.
func (s *snapshot) target(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	i, err := strconv.Atoi(text)
	if n := len(s.study.Directions); err != nil || i < 0 || i >= n {
		return 0, badf("objective is %q, want 0 to %d.", text, n-1)
	}
	return i, nil
}
