package plot

import "time"

// A ContourPlot shows the values over two parameters: the trials, and a surface through them.
type ContourPlot struct {
	X        Axis        `json:"x"`
	Y        Axis        `json:"y"`
	Value    Axis        `json:"value"`
	Maximize bool        `json:"maximize"`
	Points   []PairPoint `json:"points"`  // the complete trials that have both parameters, by number
	GridX    []Float     `json:"grid_x"`  // increasing
	GridY    []Float     `json:"grid_y"`  // increasing
	Surface  [][]Float   `json:"surface"` // Surface[j][i] is at (GridX[i], GridY[j]); NaN far from every trial
	Skipped  int         `json:"skipped"`
}

// A RankPlot shows over two parameters how the trials rank.
type RankPlot struct {
	X        Axis        `json:"x"`
	Y        Axis        `json:"y"`
	Value    Axis        `json:"value"`
	Maximize bool        `json:"maximize"`
	Points   []PairPoint `json:"points"` // as in a ContourPlot
	Skipped  int         `json:"skipped"`
}

// A PairPoint is a complete trial over two parameters.
type PairPoint struct {
	Trial    int   `json:"trial"`
	X        Float `json:"x"`
	Y        Float `json:"y"`
	Value    Float `json:"value"`
	Rank     Float `json:"rank"` // in [0, 1], by value: 0 is the lowest; equal values share the mean of their ranks
	Feasible bool  `json:"feasible"`
}

// A ParallelPlot shows each trial as a line across its value and its parameters.
type ParallelPlot struct {
	Value    Axis           `json:"value"`
	Maximize bool           `json:"maximize"`
	Params   []Axis         `json:"params"`
	Lines    []ParallelLine `json:"lines"` // the complete trials, by number
	Skipped  int            `json:"skipped"`
}

// A ParallelLine is a complete trial.
type ParallelLine struct {
	Trial    int     `json:"trial"`
	Value    Float   `json:"value"`
	X        []Float `json:"x"` // one for each parameter of the plot; NaN if the trial does not have it
	Feasible bool    `json:"feasible"`
}

// An ImportancePlot shows how much each parameter matters.
type ImportancePlot struct {
	Method string          `json:"method"` // such as "PED-ANOVA"
	Value  string          `json:"value"`  // the name of the objective
	Params []ImportanceBar `json:"params"` // largest first; their values sum to 1
	Trials int             `json:"trials"` // how many complete trials they come from
}

// An ImportanceBar is a parameter.
type ImportanceBar struct {
	Name  string `json:"name"`
	Value Float  `json:"value"`
	Low   Float  `json:"low"` // an interval for Value from resampled trials; NaN if unknown
	High  Float  `json:"high"`
}

// A TrainingPlot shows the training and the validation loss of each trial over its epochs, for trials
// that keep them as bluefin finetune does.
type TrainingPlot struct {
	Curves []TrainingCurve `json:"curves"` // by number
}

// A TrainingCurve is the losses of a trial.
type TrainingCurve struct {
	Trial      int     `json:"trial"`
	State      string  `json:"state"`
	Train      []Float `json:"train"`      // by epoch, from 1
	Validation []Float `json:"validation"` // as many
	Overfitted bool    `json:"overfitted"` // see Overfitted
}

// A TimelinePlot shows when each trial ran.
type TimelinePlot struct {
	Bars  []Bar   `json:"bars"`  // by number; trials that never started are left out
	Lanes int     `json:"lanes"` // how many trials ran at once
	Idle  []Float `json:"idle"`  // the share of the time from the first start to the last end in which each lane ran nothing
}

// A Bar is a trial on a timeline.
type Bar struct {
	Trial    int       `json:"trial"`
	State    string    `json:"state"`
	Feasible bool      `json:"feasible"`
	Lane     int       `json:"lane"` // from 0: the first that was free when the trial started
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"` // of a running trial, the time that the caller gave as now
}

// An EDFPlot shows which share of the trials reached each value, for one or more studies.
type EDFPlot struct {
	Value  Axis       `json:"value"`
	X      []Float    `json:"x"` // 100 values from the lowest to the highest of all studies
	Curves []EDFCurve `json:"curves"`
}

// An EDFCurve is the empirical distribution function of a study.
type EDFCurve struct {
	Study string  `json:"study"`
	Y     []Float `json:"y"` // the share of the complete trials with a value of at most X[i]
}

// A ParetoPlot shows the trials of a study with two or three objectives.
type ParetoPlot struct {
	Axes     []Axis        `json:"axes"` // one for each objective
	Maximize []bool        `json:"maximize"`
	Points   []ParetoPoint `json:"points"` // the complete trials, by number
	Skipped  int           `json:"skipped"`
}

// A ParetoPoint is a complete trial.
type ParetoPoint struct {
	Trial    int     `json:"trial"`
	Values   []Float `json:"values"`
	Front    bool    `json:"front"` // no feasible trial dominates it
	Feasible bool    `json:"feasible"`
}

// A HypervolumePlot shows how much of the space of objectives the trials so far dominate.
type HypervolumePlot struct {
	Reference []Float            `json:"reference"` // the worst point that counts
	Points    []HypervolumePoint `json:"points"`    // the complete trials, by number
}

// A HypervolumePoint is a complete trial.
type HypervolumePoint struct {
	Trial  int   `json:"trial"`
	Volume Float `json:"volume"` // of this trial and those with lower numbers
}
