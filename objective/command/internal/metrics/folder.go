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

// A fileReader reads one file while a program writes it. At any moment the file may be incomplete,
// damaged, replaced or gone; what cannot be read yet waits for the next call.
type fileReader interface {
	// read gives the sink the points that are new since the last call. If the file was replaced, it
	// restarts the sink and gives it all points.
	read(to *sink)
}

// A sink takes the points of one file.
type sink struct {
	source  *Source
	counter counter
	add     func(*Source, Point)
	changed bool // the file, since it was read; else it is only looked at again

	// The file is from an earlier run of the trial and was skipped; its next step is counter.next. The
	// first new point shows whether this run continues the file. If so, the whole file is wanted.
	skipped, wanted bool
}

// restart forgets all points so far: the file was replaced, and they come again.
func (s *sink) restart() {
	s.counter = counter{metric: s.source.next.metric}
	s.skipped = false
}

func (s *sink) point(p Point) {
	p.rename(s.source.wanted)
	if _, ok := p.Values[s.counter.metric]; ok && s.skipped {
		s.wanted = s.wanted || p.Step >= s.counter.next
		if !s.wanted {
			s.restart()
		}
	}
	if p.Step = s.counter.step(p); !s.wanted {
		s.add(s.source, p)
	}
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
	path    string
	below   string      // the path below the folder, with slashes
	info    fs.FileInfo // as it was when it was last read
	fresh   bool        // it had just changed: another change may leave the same time and size
	changed bool        // before the last look
	left    int64       // its size when it was skipped
	there   bool        // at the last look
	readers []fileReader
	sinks   []*sink // of the readers
}

// NewFolder follows the files of sources in a folder. Changes of files with the ignored name do not
// count.
func NewFolder(path string, sources []*Source, ignored string) *Folder {
	return &Folder{path, ignored, sources, map[string]*file{}}
}

// Look adds all points that are new since the last look, and once more those of replaced files. The
// file that changed last comes last. Look reports whether any file has changed.
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
				file.changed, changed = true, true
			} else if file.changed = false; !file.fresh {
				return nil
			}
			file.info, file.fresh = info, began.Sub(info.ModTime()) < timeGrain
			news = append(news, file)
		}
		return nil
	})
	slices.SortStableFunc(news, func(a, b *file) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, file := range news {
		file.read(add)
	}
	before := len(f.files)
	maps.DeleteFunc(f.files, func(_ string, file *file) bool { return !file.there })
	return changed || len(f.files) < before
}

// Skip ignores what an earlier run of the trial left in the folder. If the program then continues a
// file, with larger steps, Look adds that whole file after all.
func (f *Folder) Skip() {
	f.Look(func(*Source, Point) {})
	for _, file := range f.files {
		file.left = file.info.Size()
		for _, s := range file.sinks {
			s.skipped = true
		}
	}
}

// open returns the readers of a new file.
func (f *Folder) open(path string) *file {
	below, _ := filepath.Rel(f.path, path)
	opened := &file{path: path, below: filepath.ToSlash(below)}
	for _, s := range f.sources {
		if s.file != nil && s.file.matches(opened.below) {
			opened.readers = append(opened.readers, s.file.open(path, opened.below))
			opened.sinks = append(opened.sinks, &sink{source: s, counter: counter{metric: s.next.metric}})
		}
	}
	return opened
}

// read adds what is new in a file.
func (f *file) read(add func(*Source, Point)) {
	for i, s := range f.sinks {
		s.add, s.changed = add, f.changed
		before := s.counter
		f.readers[i].read(s)
		if s.skipped && (s.wanted || f.changed && f.info.Size() == f.left && s.counter == before) {
			// This run continues the file, or wrote the same again.
			f.readers[i] = s.source.file.open(f.path, f.below)
			s.wanted = false
			s.restart()
			f.readers[i].read(s)
		}
	}
}

// base returns the last part of a path with slashes.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
