package dashboard

// draw makes a plot of the trials that the filter leaves.
func draw(name string, now *snapshot, f filter, r plotRequest) (plotAnswer, error) {
	return plotAnswer{}, statusf(404, "There is no plot %q.", name)
}
