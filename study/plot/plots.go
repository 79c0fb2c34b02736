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
