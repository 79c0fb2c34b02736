package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/study"
)

// trialFolder returns the folder that holds those of a study's trials: the given one, one beside the study
// file, or else one in the working directory.
func trialFolder(given string, p place, studyName string) string {
	beside := "bluefin-trials"
	if p.isFile() {
		beside = strings.TrimSuffix(p.path, filepath.Ext(p.path)) + "-trials"
	}
	return cmp.Or(given, filepath.Join(beside, folderName(studyName)))
}

// longestFolder is how many bytes the name of a folder may have; systems allow 255.
const longestFolder = 200

// folderName turns the name of a study into the name of a folder, valid on every system and different for
// each study: a long one is cut and gets a sum of the whole name.
func folderName(study string) string {
	var b strings.Builder
	for _, r := range study {
		if r < ' ' || strings.ContainsRune(`%/\:*?"<>|`, r) || strings.Trim(study, ".") == "" {
			fmt.Fprintf(&b, "%%%02X", r)
		} else {
			b.WriteRune(r)
		}
	}
	name := b.String()
	if len(name) <= longestFolder {
		return name
	}
	sum := sha256.Sum256([]byte(study))
	return fmt.Sprintf("%s-%x", strings.ToValidUTF8(name[:longestFolder-17], ""), sum[:8])
}

// checkFolder returns an error if the folder has trials that the study lacks, as after the study file was
// deleted: new trials would take their files for their own.
func checkFolder(ctx context.Context, folder, flag string, s *study.Study) error {
	highest := -1
	entries, _ := os.ReadDir(folder) // before the trials are read: others may be running some
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && e.IsDir() {
			highest = max(highest, n)
		}
	}
	trials, err := s.Trials(ctx)
	if err == nil && highest >= len(trials) {
		err = noRetry{fmt.Errorf("%s is not of this study, which has %s: remove it or choose another %s",
			filepath.Join(folder, strconv.Itoa(highest)), counted(len(trials), "trial"), flag)}
	}
	return err
}
