//go:build unix

package study_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A cutter stands between clients and a server and resets connections at random moments: before a
// message of the client arrives, or after the server has obeyed it and before the client learns so.
type cutter struct {
	rate    atomic.Int64 // one message of so many is cut, and of commits one of a fifth of it; 0: none
	target  string
	address string
	cuts    atomic.Int64
	commits atomic.Int64 // those cuts that hit a COMMIT
	mu      sync.Mutex
	random  *rand.Rand
}

// cut returns a cutter before the server of a URL, and the URL that leads to it.
func cut(t *testing.T, server string, rate int64, random *rand.Rand) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &cutter{target: u.Host, address: listener.Addr().String(), random: random}
	c.rate.Store(rate)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go c.connect(client.(*net.TCPConn))
		}
	}()
	u.Host = c.address
	return c, u.String()
}

// connect carries one connection.
func (c *cutter) connect(client *net.TCPConn) {
	conn, err := net.Dial("tcp", c.target)
	if err != nil {
		client.Close()
		return
	}
	server, mute := conn.(*net.TCPConn), atomic.Bool{}
	reset := sync.OnceFunc(func() {
		client.SetLinger(0) // RST in place of FIN
		client.Close()
		server.Close()
	})
	go func() {
		defer reset()
		for data := make([]byte, 1<<16); ; {
			n, err := server.Read(data)
			if err != nil || mute.Load() {
				return
			}
			if _, err := client.Write(data[:n]); err != nil {
				return
			}
		}
	}()
	defer reset()
	for data := make([]byte, 1<<16); ; {
		n, err := client.Read(data)
		if err != nil {
			return
		}
		now, late := c.fate(data[:n])
		if now {
			return
		}
		mute.Store(late)
		if _, err := server.Write(data[:n]); err != nil {
			return
		}
		if late {
			time.Sleep(20 * time.Millisecond) // the server obeys
			return
		}
	}
}

// fate decides what happens to a message: it is cut now, or after it has arrived.
func (c *cutter) fate(message []byte) (now, late bool) {
	rate, commit := c.rate.Load(), bytes.Contains(bytes.ToLower(message), []byte("commit"))
	if rate == 0 {
		return false, false
	}
	if commit {
		rate = max(rate/5, 1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random.Int64N(rate) > 0 {
		return false, false
	}
	c.cuts.Add(1)
	if commit {
		c.commits.Add(1)
	}
	now = c.random.IntN(2) == 0
	return now, !now
}
