package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard"
	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/study"
)

// dashboardAddr is where the dashboard listens unless it is told otherwise.
const dashboardAddr = "127.0.0.1:8080"

// dashboardCommand serves studies as web pages.
type dashboardCommand struct {
	study   studyFlags
	sampler samplerFlags
	listen  string
	hosts   cli.StringSlice
	token   string // the file that holds it
	write   bool
	files   string // the folder of artifacts
}

func (d *dashboardCommand) define() *cli.Command {
	name := d.study.nameFlag()
	name.Usage = "show only the study of this `NAME` (default: all studies of the file)"
	return &cli.Command{
		Name:  "dashboard",
		Usage: "show studies in a browser, live",
		Description: "Serves studies as web pages, which follow them while other processes write.\n" +
			"Without --allow-write it only reads. Other machines can see it only with --listen and\n" +
			"--token-file. --sampler and --seed are those of the search: a trial's page shows what the\n" +
			"sampler knew when it drew the trial.",
		Flags: []cli.Flag{d.study.storage.flag(), name,
			&cli.StringFlag{Name: "listen", Destination: &d.listen, Value: dashboardAddr,
				Usage: "the `ADDRESS` to listen at, HOST:PORT; port 0 takes a free one"},
			&cli.StringSliceFlag{Name: "host", Destination: &d.hosts,
				Usage: "a `NAME` of this machine that browsers may use; again for several (IP addresses and localhost always work)"},
			&cli.StringFlag{Name: "token-file", Destination: &d.token,
				Usage: "a `FILE` with a text that viewers must know; it is made if it is missing"},
			&cli.StringFlag{Name: "artifact-dir", Destination: &d.files,
				Usage: "the `FOLDER` of artifacts, as for optuna-dashboard"},
			&cli.BoolFlag{Name: "allow-write", Destination: &d.write,
				Usage: "let viewers queue and stop trials, stop and delete studies, edit notes and attach files"},
			d.sampler.nameFlag("auto"), d.sampler.kwargsFlag(), d.sampler.seedFlag()},
		Action: action(d.run),
	}
}

// run serves until Ctrl-C.
func (d *dashboardCommand) run(ctx context.Context, con console) (err error) {
	p, err := d.study.storage.place()
	if err != nil {
		return err
	}
	if _, _, err := d.sampler.sampler(0); err != nil {
		return err
	}
	token, err := dashboardToken(d.token)
	if err != nil {
		return err
	}
	if err := dashboard.CheckListen(d.listen, token); err != nil {
		return usagef("--listen is %w", err)
	}
	if info, err := os.Stat(d.files); d.files != "" && (err != nil || !info.IsDir()) {
		return fmt.Errorf("--artifact-dir is %q, want a folder that exists", d.files)
	}
	cfg := dashboard.Config{Study: d.study.name, Token: token, Hosts: d.hosts.Value(), AllowWrite: d.write,
		ArtifactDir: d.files, Logger: con.logger(), Engine: d.engine}
	s, closeAll, err := newDashboard(ctx, con, p, cfg)
	if err != nil {
		return d.study.storage.missing(err)
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	page, err := s.Page(ctx, d.study.name)
	if err != nil {
		return d.suggest(ctx, con, err)
	}
	l, err := listen(ctx, con, d.listen, d.listen == dashboardAddr)
	if err != nil {
		return err
	}
	con.logf("The dashboard of %s is at %s", p, link(l, page, token))
	con.logf("Ctrl-C ends it.")
	return s.Serve(ctx, l)
}

// newDashboard returns the dashboard of the storage at p, and what closes it. A file is opened by the
// dashboard, which notices when another one takes its place.
func newDashboard(ctx context.Context, con console, p place, cfg dashboard.Config) (
	s *dashboard.Server, closeAll func() error, err error) {
	cfg.Path, cfg.Rerun = p.String(), rerunBest(p)
	closeDB := func() error { return nil }
	if !p.isFile() {
		db, err := p.open(ctx, con, access{readOnly: !cfg.AllowWrite})
		if err != nil {
			return nil, nil, err
		}
		cfg.Storage, cfg.Word, closeDB = db, p.shellWord(), db.Close
	}
	if s, err = dashboard.New(ctx, cfg); err != nil {
		return nil, nil, errors.Join(err, closeDB())
	}
	return s, func() error { return errors.Join(s.Close(), closeDB()) }, nil
}

// suggest adds to the error for a missing study the name that was probably meant.
func (d *dashboardCommand) suggest(ctx context.Context, con console, err error) error {
	db, openErr := d.study.storage.open(ctx, con, access{readOnly: true})
	if openErr != nil {
		return err
	}
	return errors.Join(suggestStudy(ctx, db, d.study.name, err), db.Close())
}

// engine is the sampler that explains trials.
func (d *dashboardCommand) engine(_ string, trials int) (cfg study.Config, err error) {
	cfg.Sampler, cfg.Seed, err = d.sampler.sampler(trials)
	return cfg, err
}

// listen listens at addr, or at a free port if it is taken and another one will do.
func listen(ctx context.Context, con console, addr string, another bool) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) && another {
		host, port, _ := net.SplitHostPort(addr) // it could be listened at
		if l, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0")); err == nil {
			con.logf("Port %s is taken, so the dashboard takes another one.", port)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", addr, bareListen(err))
	}
	return l, nil
}

// bareListen leaves out what the flag has said.
func bareListen(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return errors.New("the port is taken by another program")
	}
	return err
}

// link is the address of a page for a browser on this machine.
func link(l net.Listener, page, token string) string {
	host, port, _ := net.SplitHostPort(l.Addr().String()) // of a listener
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: page}
	if token != "" {
		u.RawQuery = url.Values{"token": {token}}.Encode()
	}
	return u.String()
}

// dashboardToken reads the token from a file, which it makes if there is none.
func dashboardToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		token := rand.Text()
		return token, os.WriteFile(path, []byte(token+"\n"), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	const least = 16
	if len(token) < least || strings.ContainsAny(token, " \t\r\n") || message.Visible(token) != token {
		return "", fmt.Errorf("--token-file %s: want one word of at least %d characters", path, least)
	}
	return token, nil
}
