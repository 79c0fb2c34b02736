// Package plot turns the history of a study into the data of pictures: which points, on which axes.
// Each kind of plot is a function and a struct of plain data, which marshals to JSON; package
// study/plot/picture draws them as SVG, PNG and text, and the dashboard draws them in a browser.
//
// A plot shows the trials of the history that it is given. To show fewer, make a smaller history:
// Where filters one, and Thin samples it. Where Optuna has the plot, the points are the same.
package plot
