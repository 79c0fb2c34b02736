package command

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A Line is how a trial ran its program, enough to run it again. It is the user attribute
// LineAttr of the trial.
type Line struct {
	Args   []string `json:"args"`             // the program and its arguments, as without a checkpoint
	Dir    string   `json:"dir"`              // working folder
	Env    []string `json:"env,omitempty"`    // NAME=VALUE, besides what Variables returns
	Folder string   `json:"folder,omitempty"` // of the trial
	Slot   []string `json:"slot,omitempty"`   // NAME=VALUE of Config.Slots; other runs have others
}

// LineAttr is the key of the attribute.
const LineAttr = "command"

// Output opens what the program has printed so far, for the trial with the given number. It fails with
// fs.ErrNotExist if the output was not kept. The line may come from a file that anybody has written, so
// nothing is opened but that file in a folder of that number, and no link that leads out of it.
func (l Line) Output(number int) (*os.File, error) {
	if !filepath.IsAbs(l.Folder) || filepath.Base(l.Folder) != strconv.Itoa(number) {
		return nil, fmt.Errorf("the folder of trial %d is %q: %w", number, l.Folder, os.ErrNotExist)
	}
	root, err := os.OpenRoot(l.Folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(outputName)
	if err == nil && !info.Mode().IsRegular() { // opening a named pipe would wait
		err = fmt.Errorf("%s is not a file", filepath.Join(l.Folder, outputName))
	}
	if err != nil {
		return nil, err
	}
	return root.Open(outputName)
}

// line returns the command line of a trial, with env besides Config.Env. It starts from the beginning: a
// checkpoint of an earlier run has no place in it.
func (c *Command) line(params map[string]any, places map[string]string, folder string,
	env, slot []string) (Line, error) {
	fresh := maps.Clone(places)
	fresh["last_checkpoint"] = ""
	program := c.cfg.Args[0]
	if strings.ContainsRune(program, filepath.Separator) { // a path within the folder of this process
		program = c.path
	}
	dir := c.cfg.Dir
	if dir == "" {
		dir, _ = os.Getwd() // if it was deleted, nobody can run anything there again
	} else if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	args, err := c.cfg.arguments(params, fresh)
	return Line{append([]string{program}, args...), dir, slices.Concat(c.cfg.Env, env), folder, slot}, err
}

// Variables returns the environment of the line besides that of the caller: Env, and what tells the
// program the number and the parameters of its trial. The file of parameters in Folder comes before
// params: it has nested ones and lists as the program got them.
func (l Line) Variables(number int, params map[string]any) []string {
	places := map[string]string{"trial_number": strconv.Itoa(number), "trial_dir": l.Folder}
	file := ""
	if l.Folder != "" {
		file = filepath.Join(l.Folder, paramsName)
		text, _ := os.ReadFile(file) // if it was deleted, params must do
		if v, err := pyjson.Unmarshal(text); err == nil {
			if saved, ok := v.(map[string]any); ok {
				params = saved
			}
		}
	}
	return slices.Concat(l.Env, environment(params, places, file))
}

// In returns the line for another folder in place of the trial's, and puts into that the files with
// which the program was started.
func (l Line) In(folder string) (Line, error) {
	entries, _ := os.ReadDir(l.Folder) // if it was deleted, the program says what it misses
	for _, e := range entries {
		if name := e.Name(); name != paramsName && name != wandbName && !strings.HasPrefix(name, renderedName+".") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(l.Folder, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, e.Name()), text, 0o666)
		}
		if err != nil {
			return l, err
		}
	}
	moved := Line{Dir: l.Dir, Folder: folder}
	for _, a := range l.Args {
		moved.Args = append(moved.Args, replacePath(a, l.Folder, folder))
	}
	for _, v := range l.Env {
		moved.Env = append(moved.Env, replacePath(v, l.Folder, folder))
	}
	return moved, nil
}

// replacePath replaces a folder wherever it is a whole path or the beginning of one: /t/1 is not in /t/10.
func replacePath(s, old, to string) string {
	if old == "" {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, old)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		rest := s[i+len(old):]
		b.WriteString(s[:i])
		next, _ := utf8.DecodeRuneInString(rest)
		if rest != "" && (unicode.IsLetter(next) || unicode.IsDigit(next) || strings.ContainsRune("-_.", next)) {
			b.WriteString(old)
		} else {
			b.WriteString(to)
		}
		s = rest
	}
}

// Run runs the line as a trial would, but for a study, and copies what the program prints to out. When
// ctx ends, all that it has started gets SIGTERM, and SIGKILL after grace.
func (l Line) Run(ctx context.Context, number int, params map[string]any, grace time.Duration, out io.Writer) error {
	cmd := exec.Command(l.Args[0], l.Args[1:]...)
	token := newToken()
	cmd.Dir = l.Dir
	cmd.Env = slices.Concat(os.Environ(), l.Variables(number, params), []string{token})
	copied := &copying{to: out}
	p, err := start(cmd, copied, token)
	if err != nil {
		return fmt.Errorf("the program cannot start: %w", err)
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
	p.group.end(grace, nil)
	<-p.ended
	select {
	case <-p.drained:
		if copied.err != nil { // the program got SIGPIPE for it
			return fmt.Errorf("write the output: %w", copied.err)
		}
	case <-time.After(stuck): // held open by what survives even SIGKILL
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.err != nil {
		return fmt.Errorf("%s ended with %w", filepath.Base(l.Args[0]), p.err)
	}
	return nil
}

// copying remembers why the output could not be written.
type copying struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (c *copying) Write(p []byte) (n int, err error) {
	n, c.err = c.to.Write(p)
	return n, c.err
}
