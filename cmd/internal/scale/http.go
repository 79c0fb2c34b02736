package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// An httpClient calls a server by HTTP and JSON, over a connection of its own.
type httpClient struct {
	server string
	client *http.Client
	number int
	owner  string
}

func newHTTP(server string) *httpClient {
	return &httpClient{server: server, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
}

// create makes the study, which then has the sampler and draws what an engine's client asks for.
func (c *httpClient) create(ctx context.Context, sampler string) error {
	return c.post(ctx, "/v1/studies", map[string]any{"name": Study, "sampler": sampler, "search_space": map[string]any{
		"x":      map[string]any{"type": "float", "low": 0, "high": 1},
		"lr":     map[string]any{"type": "float", "low": 1e-5, "high": 1, "log": true},
		"layers": map[string]any{"type": "int", "low": 1, "high": 8},
	}}, nil)
}

// post sends in and reads the answer into out, unless that is nil.
func (c *httpClient) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode/100 != 2:
		return fmt.Errorf("%s: %.200s", answer.Status, text)
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}

func (c *httpClient) ask(ctx context.Context) (number int, x float64, err error) {
	var answer struct {
		Number int
		Owner  string
		Params struct{ X float64 }
	}
	err = c.post(ctx, "/v1/studies/"+Study+"/ask", struct{}{}, &answer)
	c.number, c.owner = answer.Number, answer.Owner
	return answer.Number, answer.Params.X, err
}

func (c *httpClient) report(ctx context.Context, step int, value float64) (bool, error) {
	var answer struct{ Prune bool }
	err := c.post(ctx, fmt.Sprintf("/v1/studies/%s/trials/%d/report", Study, c.number),
		map[string]any{"step": step, "value": value, "owner": c.owner}, &answer)
	return answer.Prune, err
}

func (c *httpClient) tell(ctx context.Context, value float64) error {
	return c.post(ctx, fmt.Sprintf("/v1/studies/%s/trials/%d/tell", Study, c.number),
		map[string]any{"value": value, "owner": c.owner}, nil)
}

func (c *httpClient) close() error {
	c.client.CloseIdleConnections()
	return nil
}
