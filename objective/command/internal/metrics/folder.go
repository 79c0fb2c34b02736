package metrics

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	largestFile  = 256 << 20 // bytes of a file that is read as a whole
	deepestLevel = 4         // folders below the trial's that are searched
)

// A format is how a library writes metrics to files.
type format interface {
	// matches reports whether a file may be of the format, by its path below the trial's folder,
	// with slashes.
	matches(path string) bool

	// open returns a reader of one file.
	open(path string) fileReader
}

// A fileReader reads one file while a program writes it. The file may be incomplete, replaced or
// gone at any moment.
type fileReader interface {
	// read adds the points that are new since the last call, or all if the file is not what it was.
	read(add func(Point))
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
	size    int64
	time    time.Time
	looked  bool // it was there at the last look
	readers []fileReader
	sources []*Source // of the readers
}

// NewFolder follows the files of sources in a folder. An ignored name is that of a file that does
// not count as a change.
func NewFolder(path string, sources []*Source, ignored string) *Folder {
	return &Folder{path, ignored, sources, map[string]*file{}}
}

// Look adds all points that came since the last look, and perhaps some that came before. It reports
// whether any file has changed. The files that changed last come last.
func (f *Folder) Look(add func(*Source, Point)) (changed bool) {
	var news []*file
	for _, file := range f.files {
		file.looked = false
	}
	_ = filepath.WalkDir(f.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was deleted meanwhile
		}
		if d.IsDir() && strings.Count(strings.TrimPrefix(path, f.path), string(filepath.Separator)) > deepestLevel {
			return filepath.SkipDir
		}
		if info, err := d.Info(); err == nil && d.Type().IsRegular() && d.Name() != f.ignored { // no links
			if file := f.file(path); file.size != info.Size() || !file.time.Equal(info.ModTime()) {
				file.size, file.time = info.Size(), info.ModTime()
				news = append(news, file)
			}
		}
		return nil
	})
	slices.SortStableFunc(news, func(a, b *file) int { return a.time.Compare(b.time) })
	for _, file := range news {
		for i, r := range file.readers {
			s := file.sources[i]
			counter := counter{metric: s.next.metric}
			r.read(func(p Point) {
				p.Step = counter.step(p)
				add(s, p)
			})
		}
	}
	before := len(f.files)
	for path, file := range f.files {
		if !file.looked {
			delete(f.files, path)
		}
	}
	return len(news) > 0 || len(f.files) < before
}

// file returns what is known of a file.
func (f *Folder) file(path string) *file {
	known := f.files[path]
	if known == nil {
		known = &file{size: -1}
		f.files[path] = known
		below, _ := filepath.Rel(f.path, path)
		for _, s := range f.sources {
			if s.file != nil && s.file.matches(filepath.ToSlash(below)) {
				known.readers, known.sources = append(known.readers, s.file.open(path)), append(known.sources, s)
			}
		}
	}
	known.looked = true
	return known
}

// A wholeFile is read again whenever it changes.
type wholeFile struct {
	path  string
	parse func(text []byte, add func(Point))
}

func (f wholeFile) read(add func(Point)) {
	if info, err := os.Stat(f.path); err != nil || info.Size() > largestFile {
		return
	}
	if text, err := os.ReadFile(f.path); err == nil {
		f.parse(text, add)
	}
}

// base returns the last part of a path with slashes.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
