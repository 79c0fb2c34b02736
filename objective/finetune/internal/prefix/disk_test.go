package prefix

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

func files(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func splitSet(t *testing.T, c *Cache, name string, depth int, data train.Set) train.Set {
	t.Helper()
	_, sets, use, err := c.Split(t.Context(), tasks[name].frozen(depth), nil, data)
	if err != nil || use.Off != "" || use.Depth != depth {
		t.Fatal(use, err)
	}
	return sets[0]
}

func TestFeaturesOutliveTheProcess(t *testing.T) {
	for name, task := range tasks {
		dir := filepath.Join(t.TempDir(), "made", "anew")
		data := task.data(70, 1)
		first := Cache{Dir: dir}
		want := splitSet(t, &first, name, 2, data)
		second := Cache{Dir: dir}
		got := splitSet(t, &second, name, 2, data)
		sameBits(t, name, got.X.Data, want.X.Data)
		if len(got.Lens) != len(want.Lens) || got.X.Cols != want.X.Cols || got.X.Rows != want.X.Rows {
			t.Errorf("%s: shape is %d×%d with %d lengths, want %d×%d with %d", name, got.X.Rows, got.X.Cols, len(got.Lens), want.X.Rows, want.X.Cols, len(want.Lens))
		}
		if s := second.Stats(); s.DiskHits != 1 || s.Misses != 0 || s.Saved <= 0 || s.DiskError != nil || s.Bytes == 0 {
			t.Errorf("%s: stats are %+v, want one disk hit that is kept in memory", name, s)
		}
		// A deeper freeze in a third process starts from the file.
		third := Cache{Dir: dir}
		deep := splitSet(t, &third, name, 3, data)
		sameBits(t, name, deep.X.Data, splitSet(t, &Cache{}, name, 3, data).X.Data)
		if s := third.Stats(); s.Misses != 1 || s.Saved <= 0 {
			t.Errorf("%s: stats are %+v, want one miss that saved something", name, s)
		}
		if n := len(files(t, dir)); n != 2 {
			t.Errorf("%s: %d files, want 2", name, n)
		}
	}
}

func TestDamagedFilesAreComputedAgain(t *testing.T) {
	const name = "encoder of sequences"
	data := tasks[name].data(9, 1)
	for what, damage := range map[string]func([]byte) []byte{
		"a bit of the numbers": func(b []byte) []byte { b[len(b)-50] ^= 4; return b },
		"a bit of the shape":   func(b []byte) []byte { b[len(magic)+32+9] ^= 1; return b },
		"a bit of the sum":     func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"half of it":           func(b []byte) []byte { return b[:len(b)/2] },
		"all of it":            func([]byte) []byte { return nil },
		"more behind it":       func(b []byte) []byte { return append(b, 0) },
	} {
		dir := t.TempDir()
		want := splitSet(t, &Cache{Dir: dir}, name, 2, data)
		file := files(t, dir)[0]
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, damage(append([]byte(nil), b...)), 0o666); err != nil {
			t.Fatal(err)
		}
		c := Cache{Dir: dir}
		sameBits(t, what, splitSet(t, &c, name, 2, data).X.Data, want.X.Data)
		if s := c.Stats(); s.Misses != 1 || s.DiskHits != 0 || s.DiskError == nil || !strings.Contains(s.DiskError.Error(), "damaged") {
			t.Errorf("%s: stats are %+v, want a miss and the reason", what, s)
		}
		again, err := os.ReadFile(file)
		if err != nil || len(again) != len(b) {
			t.Errorf("%s: the file was not written again: %v", what, err)
		}
	}
}

func TestAFileWithAnotherNameIsDamaged(t *testing.T) {
	dir := t.TempDir()
	const name = "multilayer perceptron"
	splitSet(t, &Cache{Dir: dir}, name, 1, tasks[name].data(9, 1))
	one := files(t, dir)[0]
	splitSet(t, &Cache{Dir: dir}, name, 1, tasks[name].data(9, 2))
	for _, f := range files(t, dir) {
		if f != one {
			if err := os.Rename(one, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := Cache{Dir: dir}
	splitSet(t, &c, name, 1, tasks[name].data(9, 2))
	if s := c.Stats(); s.Misses != 1 || s.DiskError == nil {
		t.Errorf("stats are %+v, want a miss", s)
	}
}

func TestTheDiskHasALimit(t *testing.T) {
	const name = "multilayer perceptron"
	dir := t.TempDir()
	size := int64(fixed + 4*100*9 + 32) // of a file
	c := Cache{Dir: dir, MaxDiskBytes: 2*size + 10, MaxBytes: -1}
	unfinished := func(number string) string {
		return filepath.Join(dir, strings.Repeat("ab", 32)+extension+"."+number+".new")
	}
	stale, fresh := unfinished("1"), unfinished("2")
	other := filepath.Join(dir, "mine.txt")
	for _, f := range []string{stale, fresh, other} {
		if err := os.WriteFile(f, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * maxAge)
	for _, f := range []string{stale, other} {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for i := range uint64(3) {
		splitSet(t, &c, name, 1, tasks[name].data(100, i))
		for _, f := range files(t, dir) {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(f, extension) && info.ModTime().After(old.Add(time.Hour)) {
				if info.Size() != size {
					t.Errorf("a file has %d bytes, want %d", info.Size(), size)
				}
				names = append(names, f)
				// Each is older than those to come.
				at := old.Add(time.Duration(i) * time.Minute)
				if err := os.Chtimes(f, at, at); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	left := strings.Join(files(t, dir), " ")
	if len(names) != 3 || strings.Contains(left, names[0]) || !strings.Contains(left, names[1]) || !strings.Contains(left, names[2]) {
		t.Errorf("files are %s, want the last two of %q", left, names)
	}
	if strings.Contains(left, stale) || !strings.Contains(left, fresh) || !strings.Contains(left, other) {
		t.Errorf("files are %s, want no stale unfinished one, and all others", left)
	}
	// The one used again is the last to go.
	splitSet(t, &c, name, 1, tasks[name].data(100, 1))
	splitSet(t, &c, name, 1, tasks[name].data(100, 7))
	left = strings.Join(files(t, dir), " ")
	if !strings.Contains(left, names[1]) || strings.Contains(left, names[2]) {
		t.Errorf("files are %s, want %s kept and %s gone", left, names[1], names[2])
	}
	if s := c.Stats(); s.DiskHits != 1 || s.Misses != 4 || s.DiskError != nil {
		t.Errorf("stats are %+v, want one disk hit and 4 misses", s)
	}

	small := Cache{Dir: t.TempDir(), MaxDiskBytes: size - 1}
	splitSet(t, &small, name, 1, tasks[name].data(100, 1))
	if n := len(files(t, small.Dir)); n != 0 || small.Stats().DiskError != nil {
		t.Errorf("%d files, want none larger than all the room", n)
	}
}

// The folder may be any, such as the current one: files that only look like ours
// stay, however old and large they are.
func TestForeignFilesStay(t *testing.T) {
	const name = "multilayer perceptron"
	dir, outside := t.TempDir(), t.TempDir()
	hash := strings.Repeat("0f", 32)
	large := strings.Repeat("x", 1<<16)
	old := time.Now().Add(-1000 * time.Hour)
	foreign := map[string]string{
		"draft.new": large, "123456.new": "", "map.features": large, ".features": "", "UPPER.FEATURES": "",
		hash + ".features":                         large, // another program's
		hash + ".features.77.new":                  large,
		hash + ".features.x.new":                   "",
		"x" + hash + ".features":                   magic,
		strings.ToUpper(hash) + ".features":        magic,
		hash + ".features.bak":                     magic,
		strings.Repeat("1f", 32) + ".features":     magic + strings.Repeat("k", 32) + large, // of another key
		filepath.Join("sub", hash+".features"):     magic,
		filepath.Join(hash+"1.features", "a.new"):  "",
		filepath.Join("sub.features", "deep.new"):  large,
		filepath.Join(hash+".features.1.new", "a"): "",
	}
	for path, text := range foreign {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	// Links with our names, to what would be ours.
	target := filepath.Join(outside, "kept")
	if err := os.WriteFile(target, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for i, link := range []string{strings.Repeat("2f", 32) + ".features", strings.Repeat("3f", 32) + ".features.1.new"} {
		if err := os.Symlink([]string{target, filepath.Join(outside, "gone")}[i], filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	before := files(t, dir)
	size := int64(fixed + 4*100*9 + 32) // of a file of ours
	c := Cache{Dir: dir, MaxDiskBytes: size + 10, MaxBytes: -1}
	for i := range uint64(3) {
		splitSet(t, &c, name, 1, tasks[name].data(100, i))
	}
	after := files(t, dir)
	for _, f := range before {
		if !slices.Contains(after, f) {
			t.Errorf("%s is gone", f)
		}
	}
	for path, text := range foreign {
		if b, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(b) != text {
			t.Errorf("%s is not as it was: %v", path, err)
		}
	}
	if n := len(after) - len(before); n != 1 {
		t.Errorf("there are %d more files, want one of ours, which the limit leaves", n)
	}
	// A foreign file that has exactly the name of features is not written over.
	ours := slices.DeleteFunc(after, func(f string) bool { return slices.Contains(before, f) })[0]
	if err := os.WriteFile(ours, []byte("a text of another program"), 0o666); err != nil {
		t.Fatal(err)
	}
	again := Cache{Dir: dir}
	splitSet(t, &again, name, 1, tasks[name].data(100, 2))
	if b, err := os.ReadFile(ours); err != nil || string(b) != "a text of another program" || again.Stats().DiskError == nil {
		t.Errorf("%s was written over (%v), or nobody says why it was not", ours, err)
	}
}

func TestADiskThatCannotBeWrittenIsDoneWithout(t *testing.T) {
	const name = "multilayer perceptron"
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	c := Cache{Dir: filepath.Join(file, "dir")}
	data := tasks[name].data(9, 1)
	want := splitSet(t, &Cache{}, name, 1, data)
	sameBits(t, "features", splitSet(t, &c, name, 1, data).X.Data, want.X.Data)
	if s := c.Stats(); s.DiskError == nil || s.Misses != 1 {
		t.Errorf("stats are %+v, want the error of the disk", s)
	}
}

func TestLengthsThatDoNotAddUpAreDamaged(t *testing.T) {
	dir := t.TempDir()
	splitSet(t, &Cache{Dir: dir}, "encoder of sequences", 1, tasks["encoder of sequences"].data(3, 1))
	b, err := os.ReadFile(files(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	key := Hash(b[len(magic):][:32])
	if _, err := decode(key, b); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(lens []byte){
		"one more":           func(l []byte) { l[0]++ },
		"one less":           func(l []byte) { l[4]-- },
		"nothing":            func(l []byte) { l[4] += l[0]; l[0] = 0 },
		"more than all":      func(l []byte) { l[3] = 0x7f },
		"more, then nothing": func(l []byte) { l[3], l[7] = 1, 0xff },
	} {
		changed := append([]byte(nil), b[:len(b)-32]...)
		change(changed[fixed:])
		if _, err := decode(key, sealed(changed)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	dir := f.TempDir()
	c := Cache{Dir: dir}
	data := sequences(3, 1)
	if _, _, _, err := c.Split(f.Context(), tasks["encoder of sequences"].frozen(1), nil, data); err != nil {
		f.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(all) != 1 {
		f.Fatal(all, err)
	}
	b, err := os.ReadFile(all[0])
	if err != nil {
		f.Fatal(err)
	}
	key := Hash(b[len(magic):][:32])
	body := b[len(magic)+32 : len(b)-32]
	f.Add(body)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		file := append([]byte(magic), key[:]...)
		file = append(file, body...)
		e, err := decode(key, sealed(file))
		if err != nil {
			return
		}
		if e.batch.X.Rows*e.batch.X.Cols != len(e.batch.X.Data) || e.size()+4*8 != int64(len(body)) {
			t.Errorf("a file of %d bytes gives %d×%d and %d lengths", len(body), e.batch.X.Rows, e.batch.X.Cols, len(e.batch.Lens))
		}
	})
}

func sealed(b []byte) []byte {
	h := newHasher()
	h.w.Write(b)
	sum := h.sum()
	return append(b, sum[:]...)
}
