package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// 64 workers ask, report ten values 100 ms apart, and tell, by HTTP and on a study file. How long they wait is reported
// in milliseconds. Run it on a machine that does nothing else:
//
//	go test ./cmd/internal/serve -run - -bench Workers -benchtime 1000x
func BenchmarkWorkers(b *testing.B) {
	for _, pause := range []time.Duration{100 * time.Millisecond, 20 * time.Millisecond} {
		b.Run(pause.String(), func(b *testing.B) { benchmarkWorkers(b, 64, 10, pause) })
	}
}

func benchmarkWorkers(b *testing.B, workers, steps int, pause time.Duration) {
	s := start(b, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	post := func(path, body string) (v map[string]any, took time.Duration) {
		at := time.Now()
		answer, err := client.Post(s.url+path, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			b.Error(err)
			return nil, 0
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		took = time.Since(at)
		if err == nil {
			err = json.Unmarshal(text, &v)
		}
		if err != nil || answer.StatusCode >= 300 {
			b.Errorf("%s: %s %s %v", path, answer.Status, text, err)
		}
		return v, took
	}
	post("/v1/studies", `{"name": "s", "pruner": "median", "sampler": "tpe", "search_space": {"x": {"type": "float", "low": 0, "high": 1}, `+
		`"y": {"type": "float", "low": 0, "high": 1}, "lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true}, `+
		`"n": {"type": "int", "low": 1, "high": 8}, "opt": {"type": "categorical", "choices": ["sgd", "adam"]}}}`)
	var mu sync.Mutex
	times := map[string][]time.Duration{}
	note := func(what string, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		times[what] = append(times[what], took)
	}
	left := make(chan struct{}, b.N)
	for range b.N {
		left <- struct{}{}
	}
	close(left)
	b.ResetTimer()
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			time.Sleep(time.Duration(rand.Int64N(int64(time.Duration(steps) * pause)))) // workers do not march in step
			for range left {
				asked, took := post("/v1/studies/s/ask", `{}`)
				note("ask", took)
				path, x := fmt.Sprintf("/v1/studies/s/trials/%v/", asked["number"]), rand.Float64()
				end := fmt.Sprintf(`{"value": %v}`, x)
				for step := range steps {
					time.Sleep(pause)
					v, took := post(path+"report", fmt.Sprintf(`{"step": %d, "value": %v}`, step, x+1/float64(step+1)))
					note("report", took)
					if v["prune"] == true {
						end = `{"state": "pruned"}`
						break
					}
				}
				_, took = post(path+"tell", end)
				note("tell", took)
			}
		})
	}
	wait.Wait()
	for what, all := range times {
		slices.Sort(all)
		for _, q := range []int{50, 99} {
			b.ReportMetric(float64(all[len(all)*q/100].Microseconds())/1000, fmt.Sprintf("%s-p%d-ms", what, q))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "trials/s")
}
