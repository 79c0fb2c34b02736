package command

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

var (
	// hydraName matches the keys that Hydra's grammar of overrides allows.
	hydraName = regexp.MustCompile(`^(?:[A-Za-z_][\w-]*|(?:[A-Za-z_][\w-]*|\d+)(?:[./](?:[A-Za-z_][\w-]*|\d+))+)$`)
	// hydraWord matches texts that need no quotes, unless they are a hydraLiteral.
	hydraWord    = regexp.MustCompile(`^[A-Za-z_][\w./-]*$`)
	hydraLiteral = regexp.MustCompile(`^(?i:null|true|false|inf|nan)$`)

	hydraBackslashes   = regexp.MustCompile(`(\\+)('|$)`)
	hydraInterpolation = regexp.MustCompile(`(\\*)\$\{`)
)

// hydraOverride returns NAME=VALUE in Hydra's grammar: a text that could be taken for something else
// is quoted, and ${ does not start an interpolation.
func hydraOverride(name string, v any) (string, error) {
	if !hydraName.MatchString(name) {
		return "", fmt.Errorf("parameter %q: Hydra takes only names of letters, digits, - and _, "+
			"with dots between them", name)
	}
	switch v := v.(type) {
	case nil:
		return name + "=null", nil
	case float64:
		if math.IsInf(v, 0) {
			return name + "=" + strings.ToLower(Text(v)[:len(Text(v))-len("inity")]), nil
		}
	case string:
		if hydraWord.MatchString(v) && !hydraLiteral.MatchString(v) {
			return name + "=" + v, nil
		}
		v = hydraInterpolation.ReplaceAllString(v, `$1$1\$${`)
		v = hydraBackslashes.ReplaceAllString(v, `$1$1$2`)
		return name + "='" + strings.ReplaceAll(v, "'", `\'`) + "'", nil
	}
	return name + "=" + Text(v), nil
}
