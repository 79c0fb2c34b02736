package metrics

// ReportsName is the name of the file to which programs that know Bluefin append JSON lines.
const ReportsName = "reports.bluefin"

// A reportsFile is that file.
type reportsFile struct{ jsonLines }

func (reportsFile) matches(path string) bool { return path == ReportsName }
