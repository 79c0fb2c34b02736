package submit

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxLabel is the most that a DNS label may hold.
const maxLabel = 63

var (
	label    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	notLabel = regexp.MustCompile(`[^a-z0-9]+`)
)

// JobName returns Name, or one made from the study's: a DNS label that leaves room for the number of a
// worker, which Kubernetes appends. If the study's name had to be changed, part of its hash follows, so
// different studies have different jobs.
func (w Workers) JobName() (string, error) {
	room := maxLabel - len("-") - len(strconv.Itoa(w.Count-1))
	if w.Name != "" {
		if !label.MatchString(w.Name) || len(w.Name) > room {
			return "", fmt.Errorf("--name is %q, want 1 to %d of a-z, 0-9 and -, with a letter or digit at both ends", w.Name,
				room)
		}
		return w.Name, nil
	}
	name := "bluefin-" + w.Study
	if label.MatchString(name) && len(name) <= room {
		return name, nil
	}
	hash := fmt.Sprintf("-%x", sha256.Sum256([]byte(w.Study)))[:9]
	name = strings.Trim(notLabel.ReplaceAllString(strings.ToLower(name), "-"), "-")
	return strings.TrimRight(name[:min(len(name), room-len(hash))], "-") + hash, nil
}
