package dashboard

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	logTail   = 64 << 10  // bytes of a log that are sent first
	logPart   = 256 << 10 // bytes that are read at once
	logBehind = 1 << 20   // a viewer who is further behind gets the tail again
	logEvery  = 500 * time.Millisecond
	logShown  = 8 << 10 // bytes that are in the page itself, for viewers without JavaScript
)

// A logView is the end of what the program of a trial has printed.
type logView struct {
	Path    string
	Source  string // the address of the text; events are below it
	Tail    string
	Missing string // why there is nothing
}

// logView returns nil if no program ran the trial.
func (s *Server) logView(r *http.Request, t *trial.Trial) *logView {
	line, ok := lineOf(t)
	if !ok {
		return nil
	}
	v := &logView{Source: "/api" + trialPath(r) + "/log"}
	f, err := line.Output(t.Number)
	if err != nil {
		v.Missing = missingLog(err)
		return v
	}
	defer f.Close()
	v.Path = f.Name()
	if v.Tail, _, err = readLog(f, -logShown, logShown); err != nil {
		v.Missing = missingLog(err)
	}
	return v
}

func missingLog(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "The output is not there: it was not kept, or its folder was moved, deleted or on another machine."
	}
	return "The output cannot be read: " + message.OneLine(err) + "."
}

// openLog opens what the trial in the address has printed.
func (s *Server) openLog(r *http.Request) (*snapshot, *trial.Trial, *os.File, error) {
	now, t, err := s.trial(r)
	if err != nil {
		return nil, nil, nil, err
	}
	line, ok := lineOf(t)
	if !ok {
		return now, t, nil, statusf(http.StatusNotFound, "Trial %d has no log: bluefin tune did not run it.", t.Number)
	}
	f, err := line.Output(t.Number)
	if err != nil {
		return now, t, nil, statusf(http.StatusNotFound, "%s", missingLog(err))
	}
	return now, t, f, nil
}

// logText answers with the log from an offset, or its tail. X-End is the offset behind it.
func (s *Server) logText(w http.ResponseWriter, r *http.Request) error {
	offset := int64(-logTail)
	if text := r.URL.Query().Get("offset"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return badf("offset is %.40q, want a number of at least 0.", text)
		}
		offset = n
	}
	_, _, f, err := s.openLog(r)
	if err != nil {
		return err
	}
	defer f.Close()
	text, end, err := readLog(f, offset, logBehind)
	if err != nil {
		return statusf(http.StatusNotFound, "%s", missingLog(err))
	}
	w.Header().Set("X-End", strconv.FormatInt(end, 10))
	send(w, r, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	return nil
}

// A logEvent is a new part of a log.
type logEvent struct {
	Text string `json:"text"`
	End  int64  `json:"end"` // the offset behind it
}

// logEvents sends what is added to the log, until the trial has finished.
func (s *Server) logEvents(w http.ResponseWriter, r *http.Request) error {
	now, t, f, err := s.openLog(r)
	if err != nil && t == nil {
		return err
	}
	if f != nil {
		f.Close()
	}
	offset, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		offset, _ = strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64) // 0: from the start, or rather the tail
	}
	to, err := s.newStream(w, r)
	if err != nil {
		return nil // the viewer is gone
	}
	line, _ := lineOf(t)
	for {
		// The state first: what was printed before the end is sent before the end.
		ended := s.trialEnded(now.study.ID, t.Number)
		text, end, err := moreLog(func() (*os.File, error) { return line.Output(t.Number) }, offset)
		if err == nil && end != offset {
			offset = end
			if err := to.send("text", strconv.FormatInt(end, 10), logEvent{text, end}); err != nil {
				return nil
			}
		} else if ended {
			_ = to.send("end", "", struct{}{})
			return nil
		}
		if !await(to, time.After(logEvery)) {
			return nil
		}
	}
}

// trialEnded reports whether a trial has finished, or does not exist any more.
func (s *Server) trialEnded(study int64, number int) bool {
	now, _ := s.follows.of(study).current()
	if now == nil || now.err == nil && now.loading() {
		return false
	}
	t, ok := now.trial(number)
	return !ok || t.State.Finished()
}

// moreLog opens a log once more, since the trial may have started over in another folder of the same
// name, and reads what follows offset.
func moreLog(open func() (*os.File, error), offset int64) (string, int64, error) {
	f, err := open()
	if err != nil {
		return "", offset, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", offset, err
	}
	if size := info.Size(); size < offset || size-offset > logBehind { // it is another file, or too much
		text, end, err := readLog(f, -logTail, logTail)
		return "\n…\n" + text, end, err
	}
	return readLog(f, offset, logPart)
}

// readLog returns at most n bytes of a file from an offset, as text that is safe to show, and the offset
// behind them. A negative offset counts from the end, and leaves out the first line if that is not
// whole.
func readLog(f *os.File, offset int64, n int) (text string, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	cut := false
	if offset < 0 {
		cut = info.Size() > -offset
		offset = max(0, info.Size()+offset)
	}
	b := make([]byte, min(int64(n), max(0, info.Size()-offset)))
	got, err := f.ReadAt(b, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", offset, err
	}
	b = b[:got]
	b = b[:len(b)-incomplete(b)]
	end = offset + int64(len(b))
	text = string(b)
	if _, rest, found := strings.Cut(text, "\n"); cut && found {
		text = rest
	}
	return clean(text), end, nil
}

// half matches the start of a line end or of an escape sequence, of which the rest is not there yet.
var half = regexp.MustCompile(`(?:\r|\x1b(?:\[[0-9;?]*)?)$`)

// incomplete is how many bytes at the end belong to something that is not whole.
func incomplete(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			break
		}
	}
	last := b[max(0, len(b)-64):]
	if found := half.FindIndex(last); found != nil {
		return len(last) - found[0]
	}
	return 0
}

// escapes are what terminals obey: colours, movements, titles.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])`)

// clean returns a log as people read it: without escape sequences, and of a progress bar, which goes
// back to the start of its line, only the last state. Other control characters are made visible.
func clean(text string) string {
	text = strings.ReplaceAll(escapes.ReplaceAllString(text, ""), "\r\n", "\n")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if at := strings.LastIndexByte(strings.TrimRight(line, "\r"), '\r'); at >= 0 {
			line = line[at+1:]
			if i == 0 { // what it goes back over is on the screen already
				line = "\n" + line
			}
		}
		words := strings.Split(strings.TrimRight(line, "\r"), "\t")
		for j, word := range words {
			start := ""
			if rest, ok := strings.CutPrefix(word, "\n"); ok {
				start, word = "\n", rest
			}
			words[j] = start + message.Visible(word)
		}
		lines[i] = strings.Join(words, "\t")
	}
	return strings.Join(lines, "\n")
}
