package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	described = regexp.MustCompile(`^v?(\d+(?:\.\d+)*)(?:-(alpha|beta|rc)\.?(\d+))?(?:-(\d+)-g([0-9a-f]+))?(-dirty)?$`)
	untagged  = regexp.MustCompile(`^([0-9a-f]{7,40})(-dirty)?$`)
)

// pep440 turns a version as git describe prints it into one that Python knows: v1.2.0-rc.1 is 1.2.0rc1,
// and the fifth commit after it 1.2.0rc1.post5 with the commit behind a +. A commit without any tag before
// it has version 0.
func pep440(version string) (string, error) {
	if m := untagged.FindStringSubmatch(version); m != nil {
		return local("0.0.0", m[1], m[2]), nil
	}
	m := described.FindStringSubmatch(version)
	if m == nil {
		return "", fmt.Errorf("version is %q, want one like v1.2.3, v1.2.3-rc.1 or v1.2.3-5-g0123abc", version)
	}
	v := m[1]
	if m[2] != "" {
		v += map[string]string{"alpha": "a", "beta": "b", "rc": "rc"}[m[2]] + m[3]
	}
	if m[4] != "" {
		v += ".post" + m[4]
	}
	return local(v, m[5], m[6]), nil
}

// local adds what distinguishes builds of one version.
func local(version, commit, dirty string) string {
	var parts []string
	if commit != "" {
		parts = append(parts, "g"+commit) // else leading zeros of a number would be dropped
	}
	if dirty != "" {
		parts = append(parts, "dirty")
	}
	if parts == nil {
		return version
	}
	return version + "+" + strings.Join(parts, ".")
}
