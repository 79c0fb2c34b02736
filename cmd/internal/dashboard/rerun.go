package dashboard

import (
	"cmp"
	"path/filepath"
	"strconv"

	"github.com/kballard/go-shellquote"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/trial"
)

// rerun is a command that runs a trial again, or that prints its parameters for a program to take. It
// is "" if the name of the study has characters that a terminal would obey.
func (s *Server) rerun(now *snapshot, t *trial.Trial) string {
	path, err := filepath.Abs(s.cfg.Path)
	word := cmp.Or(s.cfg.Word, shellquote.Join(path))
	if err != nil || message.Visible(path+now.study.Name) != path+now.study.Name || len(t.Params) == 0 {
		return ""
	}
	if best := now.best(); s.cfg.Rerun != nil && len(now.study.Directions) == 1 && len(best) > 0 && best[0].Number == t.Number {
		if line := s.cfg.Rerun(now.study, len(now.history.Finished()), t); line != "" && message.Visible(line) == line {
			return line
		}
	}
	name := "bluefin export --params-only"
	if t.UserAttrs[command.LineAttr] != nil {
		name = "bluefin rerun --run"
	}
	return name + " --storage " + word + " " + shellquote.Join("--study-name", now.study.Name, "--trial", strconv.Itoa(t.Number))
}
