// Package pythonhook holds the Python module with which scripts report to bluefin tune.
package pythonhook

import _ "embed"

// Source is the module. It needs nothing but Python's standard library.
//
//go:embed bluefin_hook.py
var Source string
