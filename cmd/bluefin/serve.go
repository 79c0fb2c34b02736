package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

// serveAddr is where serve listens unless it is told otherwise. The port is that of Optuna's own proxy server.
const serveAddr = "127.0.0.1:13000"

// serveCommand serves a storage to workers on other machines and in other languages.
type serveCommand struct {
	storage     storageFlag
	sampler     samplerFlags
	listen      string
	hosts       cli.StringSlice
	files       string // the folder of artifacts
	tokens      string // the file
	cert, key   string
	lease       time.Duration
	silence     time.Duration // 0: none
	connections int
	rate        float64
	grace       time.Duration
	durability  string
}

func (s *serveCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "let several people, machines and languages share a study",
		Description: "bluefin serve STUDY.db\n" +
			"answers on one port: HTTP and JSON for any language (/v1/openapi.yaml describes it), Optuna's\n" +
			"GrpcStorageProxy, Bluefin's own --storage http://HOST:PORT, the dashboard for browsers, and /metrics,\n" +
			"/healthz and /readyz. Samplers and pruners run here for those who ask by HTTP.\n" +
			"Other machines can connect only with --listen and --token-file. docs/many-machines.md has the rest.\n" +
			"bluefin serve katib is another server: it suggests trials to Kubeflow's Katib.",
		Flags: []cli.Flag{s.storage.flag(),
			&cli.StringFlag{Name: "listen", Destination: &s.listen, Value: serveAddr,
				Usage: "the `ADDRESS` to listen at, HOST:PORT; port 0 takes a free one"},
			&cli.StringFlag{Name: "token-file", Destination: &s.tokens,
				Usage: "a `FILE` with a token in each line, and perhaps read-only or read-write and a name for logs"},
			&cli.StringFlag{Name: "tls-cert", Destination: &s.cert, Usage: "a `FILE` with the certificate (PEM), for HTTPS"},
			&cli.StringFlag{Name: "tls-key", Destination: &s.key, Usage: "a `FILE` with its key"},
			&cli.StringSliceFlag{Name: "host", Destination: &s.hosts,
				Usage: "a `NAME` of this machine that clients without a token may use; again for several"},
			&cli.StringFlag{Name: "artifact-dir", Destination: &s.files,
				Usage: "the `FOLDER` of artifacts that the dashboard shows, as for optuna-dashboard"},
			&cli.DurationFlag{Name: "lease", Destination: &s.lease, Value: time.Hour,
				Usage: "the `TIME` without a report after which another worker may claim a trial that was asked for by HTTP"},
			&cli.DurationFlag{Name: "optuna-silence", Destination: &s.silence, DefaultText: "never",
				Usage: "the `TIME` without a change after which a trial of Optuna's GrpcStorageProxy, which has no leases, " +
					"fails and is queued again"},
			&cli.IntFlag{Name: "max-connections", Destination: &s.connections, Value: 4096,
				Usage: "at most `N` connections; above, the one that is idle for the longest time is closed"},
			&cli.Float64Flag{Name: "rate", Destination: &s.rate, DefaultText: "no limit",
				Usage: "at most `N` requests per second of one client, that is of a token or an address"},
			&cli.DurationFlag{Name: "grace", Destination: &s.grace, Value: 10 * time.Second,
				Usage: "the `TIME` that running requests may take after Ctrl-C or SIGTERM"},
			durabilityFlag(&s.durability),
			s.sampler.nameFlag("auto"), s.sampler.kwargsFlag(), s.sampler.seedFlag()},
		Action:      action(s.run),
		Subcommands: []*cli.Command{new(serveKatibCommand).define()},
	}
}

// run serves until Ctrl-C.
func (s *serveCommand) run(ctx context.Context, con console) (err error) {
	p, err := s.storage.place()
	if err != nil {
		return err
	}
	cfg, err := s.config(con)
	if err != nil {
		return err
	}
	l, err := listen(ctx, con, s.listen, false)
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.path); p.isFile() && errors.Is(err, fs.ErrNotExist) {
		con.logf("%s is a new study file.", p)
	}
	if cfg.Storage, err = p.open(ctx, con, access{noSync: s.durability == "normal", noFolder: true,
		connections: 16}); err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, cfg.Storage.Close()) }()
	cfg.Name, cfg.Word, cfg.Rerun = p.String(), p.shellWord(), rerunBest(p)
	server, err := serve.New(ctx, cfg)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.greet(con, p, l)
	return server.Serve(ctx, l)
}

// config checks all flags, before anything is opened.
func (s *serveCommand) config(con console) (cfg serve.Config, err error) {
	switch {
	case s.lease <= 0:
		return cfg, usagef("--lease is %v, want above 0", s.lease)
	case s.silence < 0:
		return cfg, usagef("--optuna-silence is %v, want above 0", s.silence)
	case s.connections < 1:
		return cfg, usagef("--max-connections is %d, want at least 1", s.connections)
	case !(s.rate >= 0):
		return cfg, usagef("--rate is %v, want at least 0", s.rate)
	case s.grace < 0:
		return cfg, usagef("--grace is %v, want at least 0", s.grace)
	case (s.cert == "") != (s.key == ""):
		return cfg, usagef("--tls-cert and --tls-key belong together, want both or none")
	}
	if err := serve.CheckListen(s.listen, s.tokens != ""); err != nil {
		return cfg, usagef("--listen is %w", err)
	}
	if _, _, err := s.sampler.sampler(0); err != nil {
		return cfg, err
	}
	if info, err := os.Stat(s.files); s.files != "" && (err != nil || !info.IsDir()) {
		return cfg, fmt.Errorf("--artifact-dir is %q, want a folder that exists", s.files)
	}
	cfg = serve.Config{Hosts: s.hosts.Value(), ArtifactDir: s.files, Engine: s.engine, Logger: con.logger(), Lease: s.lease, Silence: s.silence, Connections: s.connections, Rate: s.rate,
		Grace: s.grace, Sampler: func(trials int) (sampler.Sampler, uint64, error) { return s.sampler.sampler(trials) }}
	if s.tokens != "" {
		if cfg.Tokens, err = serve.OpenTokens(s.tokens); err != nil {
			return cfg, fmt.Errorf("--token-file: %w", err)
		}
		if info, err := os.Stat(s.tokens); err == nil && info.Mode()&0o077 != 0 && os.PathSeparator == '/' {
			con.logger().Warn("other users of this machine can read the tokens: chmod 600 " + s.tokens)
		}
	}
	if s.cert != "" {
		if cfg.TLS, err = serve.OpenTLS(s.cert, s.key); err != nil {
			return cfg, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
	}
	if host, _, _ := net.SplitHostPort(s.listen); cfg.TLS == nil && !serve.IsLoopback(host) {
		con.logger().Warn("without --tls-cert, tokens and results cross the network as plain text")
	}
	return cfg, nil
}

// engine is the sampler that explains trials on the dashboard.
func (s *serveCommand) engine(_ string, trials int) (cfg study.Config, err error) {
	cfg.Sampler, cfg.Seed, err = s.sampler.sampler(trials)
	return cfg, err
}

// greet says how to connect.
func (s *serveCommand) greet(con console, p place, l net.Listener) {
	host, port, _ := net.SplitHostPort(l.Addr().String()) // of a listener
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		if host, _ = os.Hostname(); host == "" {
			host = "127.0.0.1"
		}
	}
	url, flag := "http://"+net.JoinHostPort(host, port), ""
	if s.cert != "" {
		url = "https://" + net.JoinHostPort(host, port)
	}
	if s.tokens != "" {
		flag = ` -H "Authorization: Bearer $BLUEFIN_TOKEN"`
	}
	con.logf("Serving %s at %s", p, url)
	con.logf("  browser: %s", url)
	con.logf("  bluefin: --storage %s", url)
	con.logf("  HTTP:    curl%s %s/v1/studies", flag, url)
	if s.cert == "" && s.tokens == "" {
		con.logf("  Optuna:  optuna.storages.GrpcStorageProxy(host=%q, port=%s)", host, port)
	} else { // which it does not know
		con.logf("  Optuna:  GrpcStorageProxy(host=%q, port=%s), after the lines for", host, port)
		con.logf("           tokens and TLS in docs/many-machines.md, Optuna's workers")
	}
	con.logf("Ctrl-C ends it.")
}
