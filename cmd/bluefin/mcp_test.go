package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// An agent is a client of the SDK.
type agent struct {
	t *testing.T
	*mcp.ClientSession
	changed chan struct{} // the list of tools has changed
}

// connect starts a session over a transport.
func connect(t *testing.T, transport mcp.Transport) agent {
	t.Helper()
	changed := make(chan struct{}, 100)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { changed <- struct{}{} }})
	session, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return agent{t, session, changed}
}

// serveMCP runs the command in this process and connects to it through pipes. The function waits until it
// has ended and returns what it printed on standard error.
func serveMCP(t *testing.T, m mcpCommand) (agent, func() (string, error)) {
	t.Helper()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	var errs bytes.Buffer
	done := make(chan error, 1)
	go func() {
		err := m.run(t.Context(), console{in: in, out: &dataWriter{w: out}, err: &errs})
		out.Close()
		done <- err
	}()
	a := connect(t, &mcp.IOTransport{Reader: fromServer, Writer: toServer})
	return a, func() (string, error) {
		_ = a.Close()
		select {
		case err := <-done:
			return errs.String(), err
		case <-time.After(20 * time.Second):
			t.Fatal("the server does not end with its input")
			return "", nil
		}
	}
}

// file returns flags for a new study file.
func file(t *testing.T) studyFlags {
	return studyFlags{storage: storageFlag(filepath.Join(t.TempDir(), "s.db"))}
}

// call calls a tool. It fails the test if the tool does.
func (a agent) call(tool string, args map[string]any) (data map[string]any, text string) {
	a.t.Helper()
	r, err := a.CallTool(a.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		a.t.Fatalf("%s %v: %v", tool, args, err)
	}
	text = r.Content[0].(*mcp.TextContent).Text
	if r.IsError {
		a.t.Fatalf("%s %v: %s", tool, args, text)
	}
	if len(r.Content) != 1 || strings.Contains(text, "%!") || strings.TrimSpace(text) == "" {
		a.t.Errorf("%s: the text is %q", tool, text)
	}
	return r.StructuredContent.(map[string]any), text
}

// refused calls a tool that must fail with one line that has want.
func (a agent) refused(want, tool string, args map[string]any) {
	a.t.Helper()
	r, err := a.CallTool(a.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		a.t.Errorf("%s %v: %v, want an error of the tool", tool, args, err)
		return
	}
	text := r.Content[0].(*mcp.TextContent).Text
	if !r.IsError || !strings.Contains(text, want) || strings.Contains(text, "\n") {
		a.t.Errorf("%s %v: got %q, want one line with %q", tool, args, text, want)
	}
}

// object is a JSON object.
type object = map[string]any

// plane is a search space with one parameter of each kind.
func plane() object {
	return object{
		"lr":     object{"type": "float", "low": 1e-5, "high": 1.0, "log": true},
		"layers": object{"type": "int", "low": 1, "high": 8},
		"opt":    object{"type": "categorical", "choices": []any{"sgd", "adam"}},
	}
}

// loss is smallest, 0, at lr 1e-3, 3 layers and adam.
func loss(params object) float64 {
	y := math.Pow(math.Log10(params["lr"].(float64))+3, 2) + math.Pow(params["layers"].(float64)-3, 2)/4
	if params["opt"] != "adam" {
		y += 0.5
	}
	return y
}
