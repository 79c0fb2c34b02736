package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// An mcpTransport carries the protocol over two streams, one JSON text a line. The SDK's own ends
// the session at the first line that it cannot read; here such a line is answered with an error.
type mcpTransport struct {
	in  io.Reader
	out io.Writer
}

// Connect implements mcp.Transport.
func (t mcpTransport) Connect(context.Context) (mcp.Connection, error) {
	c := &mcpConn{out: t.out, lines: make(chan mcpLine), closed: make(chan struct{})}
	go c.scan(t.in)
	return c, nil
}

// mcpLongest is the longest line that is read.
const mcpLongest = 16 << 20

// An mcpLine is a line without its end, or why there is none.
type mcpLine struct {
	text []byte
	err  error
}

var errLongLine = fmt.Errorf("the line has more than %d bytes", mcpLongest)

// An mcpConn implements mcp.Connection.
type mcpConn struct {
	lines   chan mcpLine
	once    sync.Once
	closed  chan struct{}
	pending atomic.Int64 // requests without a response

	mu  sync.Mutex // guards out
	out io.Writer
}

// scan reads lines until the input ends. A read from a terminal or pipe cannot be interrupted, so it
// may outlive the connection.
func (c *mcpConn) scan(in io.Reader) {
	r := bufio.NewReader(in)
	for {
		var line mcpLine
		line.text, line.err = readLine(r)
		select {
		case c.lines <- line:
		case <-c.closed:
			return
		}
		if line.err != nil && !errors.Is(line.err, errLongLine) {
			return
		}
	}
}

// readLine reads a line. The last one need not have an end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(text)+len(part) > mcpLongest; !long {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case long:
			return nil, errLongLine
		case err == nil || errors.Is(err, io.EOF) && len(text) > 0:
			return bytes.TrimSpace(text), nil
		default:
			return nil, err
		}
	}
}

// Read returns the next message. It answers lines that are none. The end of the input waits for the
// responses to earlier requests, which the SDK would cancel: a trial may have started for one.
func (c *mcpConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.closed:
			return nil, io.EOF
		case line := <-c.lines:
			if line.err != nil && !errors.Is(line.err, errLongLine) {
				c.settle(ctx)
				return nil, line.err
			}
			if line.err == nil && len(line.text) == 0 {
				continue
			}
			m, refusal := decodeMCP(line)
			if refusal == nil {
				if r, ok := m.(*jsonrpc.Request); ok && r.IsCall() {
					c.pending.Add(1)
				}
				return m, nil
			}
			if err := c.send(refusal); err != nil {
				return nil, err
			}
		}
	}
}

// settle waits until all requests have responses, but not for long: cancelled ones get none.
func (c *mcpConn) settle(ctx context.Context) {
	limit := time.After(5 * time.Second)
	for c.pending.Load() > 0 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-limit:
			return
		case <-c.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// decodeMCP returns the message of a line, or else the response that refuses it.
func decodeMCP(line mcpLine) (m jsonrpc.Message, refusal []byte) {
	code, err := jsonrpc.CodeParseError, line.err
	if err == nil {
		if err = json.Unmarshal(line.text, new(any)); err == nil {
			code = jsonrpc.CodeInvalidRequest
			if line.text[0] == '[' {
				err = errors.New("batches are not supported, want one message a line")
			} else if m, err = jsonrpc.DecodeMessage(line.text); err == nil {
				return m, nil
			} else {
				err = errors.New(`the line is no message of JSON-RPC, want {"jsonrpc": "2.0", "id": …, "method": …}`)
			}
		}
	}
	var request struct {
		ID any `json:"id"`
	}
	_ = json.Unmarshal(line.text, &request) // else the ID is null
	switch request.ID.(type) {
	case string, float64:
	default:
		request.ID = nil
	}
	refusal, _ = json.Marshal(map[string]any{"jsonrpc": "2.0", "id": request.ID, // always marshals
		"error": map[string]any{"code": code, "message": err.Error()}})
	return nil, refusal
}

// Write implements mcp.Connection.
func (c *mcpConn) Write(_ context.Context, m jsonrpc.Message) error {
	if _, ok := m.(*jsonrpc.Response); ok {
		defer c.pending.Add(-1)
	}
	text, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return err
	}
	return c.send(text)
}

// send writes a line.
func (c *mcpConn) send(text []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.out.Write(append(bytes.TrimSpace(text), '\n'))
	return err
}

// Close implements mcp.Connection.
func (c *mcpConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// SessionID implements mcp.Connection. Streams have none.
func (c *mcpConn) SessionID() string { return "" }
