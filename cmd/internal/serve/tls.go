package serve

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// OpenTLS returns a configuration with the certificate of two files in the PEM format. They are read again when they
// have changed, so renewing them needs no restart; until both fit together, the last pair stays.
func OpenTLS(cert, key string) (*tls.Config, error) {
	f := &certFiles{cert: cert, key: key}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("%s and %s: %w", cert, key, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.now(), nil }}, nil
}

type certFiles struct {
	cert, key string

	mu     sync.Mutex // guards the following
	pair   *tls.Certificate
	stamp  string
	looked time.Time
}

func (f *certFiles) read() error {
	stamp := f.stampNow()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.pair, f.stamp = &pair, stamp
	return nil
}

// stampNow changes when a file does.
func (f *certFiles) stampNow() (stamp string) {
	for _, path := range []string{f.cert, f.key} {
		if info, err := os.Stat(path); err == nil {
			stamp += fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
		}
	}
	return stamp
}

func (f *certFiles) now() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) > lookAgain {
		f.looked = time.Now()
		if f.stampNow() != f.stamp {
			_ = f.read()
		}
	}
	return f.pair
}
