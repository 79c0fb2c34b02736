// Package message is what the commands say to their users.
package message

import (
	"regexp"
	"strings"
)

// packagePrefix is what the errors of this module begin with.
var packagePrefix = regexp.MustCompile(`(^|: |; )((bert|finetune|functions|kernel|nn|parts|prefix|probe|safetensors|space|storage|study|table|tabular|text|train|trial|wordpiece): )+`)

// OneLine is the message of an error for a user, who knows no packages.
func OneLine(err error) string {
	return packagePrefix.ReplaceAllString(strings.ReplaceAll(err.Error(), "\n", "; "), "$1")
}
