package metrics

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	deepest   = 8           // folders below the trial's that are searched
	timeGrain = time.Second // two writes within it may leave the same time of the file
)

// A format is how a library writes metrics to files.
type format interface {
	// matches reports whether a file may be of the format, by its path below the trial's folder,
	// with slashes.
	matches(path string) bool

	// open returns a reader of one file, whose path below the folder is given too.
	open(path, below string) fileReader
}

// A fileReader reads one file while a program writes it. The file may be incomplete, damaged,
// replaced or gone at any moment: what cannot be read yet is left for later.
type fileReader interface {
	// read gives the points that are new since the last call, or restarts and gives all.
	read(to *sink)
}

// A sink takes the points of one file.
type sink struct {
	source  *Source
	counter counter
	add     func(*Source, Point)
}

// restart says that all points so far come again, because the file was replaced.
func (s *sink) restart() { s.counter = counter{metric: s.source.next.metric} }

func (s *sink) point(p Point) {
	p.rename(s.source.wanted)
	p.Step = s.counter.step(p)
	s.add(s.source, p)
}

// A Folder follows the files in the folder of a trial.
type Folder struct {
	path    string
	ignored string
	sources []*Source
	files   map[string]*file
}

// A file is what is known of one file.
type file struct {
	info    fs.FileInfo // as it was when it was last read
	fresh   bool        // it had just changed then: one more change may have the same time and size
	there   bool        // at the last look
	readers []fileReader
	sinks   []*sink // of the readers
}

// NewFolder follows the files of sources in a folder. An ignored name is that of a file that does
// not count as a change.
func NewFolder(path string, sources []*Source, ignored string) *Folder {
	return &Folder{path, ignored, sources, map[string]*file{}}
}

// Look adds all points that came since the last look, and again those of files that were replaced.
// It reports whether any file has changed. Points of the file that changed last come last.
func (f *Folder) Look(add func(*Source, Point)) (changed bool) {
	began := time.Now()
	var news []*file
	for _, file := range f.files {
		file.there = false
	}
	_ = filepath.WalkDir(f.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was deleted meanwhile
		}
		if d.IsDir() && strings.Count(strings.TrimPrefix(path, f.path), string(filepath.Separator)) > deepest {
			return filepath.SkipDir
		}
		if info, err := d.Info(); err == nil && d.Type().IsRegular() && d.Name() != f.ignored { // no links
			file := f.files[path]
			if file == nil || !os.SameFile(file.info, info) {
				file = f.open(path)
				f.files[path] = file
			}
			file.there = true
			if file.info == nil || file.info.Size() != info.Size() || !file.info.ModTime().Equal(info.ModTime()) {
				changed = true
			} else if !file.fresh {
				return nil
			}
			file.info, file.fresh = info, began.Sub(info.ModTime()) < timeGrain
			news = append(news, file)
		}
		return nil
	})
	slices.SortStableFunc(news, func(a, b *file) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, file := range news {
		for i, r := range file.readers {
			file.sinks[i].add = add
			r.read(file.sinks[i])
		}
	}
	before := len(f.files)
	maps.DeleteFunc(f.files, func(_ string, file *file) bool { return !file.there })
	return changed || len(f.files) < before
}

// open returns a file that was not read yet.
func (f *Folder) open(path string) *file {
	below, _ := filepath.Rel(f.path, path)
	below = filepath.ToSlash(below)
	var opened file
	for _, s := range f.sources {
		if s.file != nil && s.file.matches(below) {
			to := &sink{source: s}
			to.restart()
			opened.readers, opened.sinks = append(opened.readers, s.file.open(path, below)), append(opened.sinks, to)
		}
	}
	return &opened
}

// base returns the last part of a path with slashes.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
