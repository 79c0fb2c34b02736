package storage_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

// counter is a decorator that counts the trials which ended.
type counter struct {
	storage.Storage
	ended atomic.Int64
}

func (c *counter) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	err := c.Storage.Write(ctx, study, number, u)
	if err == nil && u.State.Finished() {
		c.ended.Add(1)
	}
	return err
}

// A decorator embeds a Storage and writes the methods that differ.
func Example_decorator() {
	ctx := context.Background()
	s := &counter{Storage: &storage.Memory{}}
	study, _ := s.Create(ctx, "example", []trial.Direction{trial.Minimize})
	for value := range 3 {
		t, _ := s.Begin(ctx, study.ID, storage.Claim{Lease: storage.Lease{Owner: "worker"}})
		_ = s.Write(ctx, study.ID, t.Number, storage.Update{State: trial.Complete, Values: []float64{float64(value)}})
	}
	fmt.Println(s.ended.Load(), "trials ended")
	// Output: 3 trials ended
}

func TestTheDecoratorIsAStorage(t *testing.T) {
	storagetest.Run(t, func(testing.TB) storage.Storage { return &counter{Storage: &storage.Memory{}} })
}

// To copy a study, export it and import the snapshot.
func ExampleStorage_import() {
	ctx := context.Background()
	from, to := &storage.Memory{}, &storage.Memory{}
	_, _ = from.Create(ctx, "digits", []trial.Direction{trial.Maximize})

	snapshot, err := from.Export(ctx, "digits")
	if err != nil {
		panic(err)
	}
	snapshot.Name = "digits, copied"
	study, err := to.Import(ctx, snapshot)
	fmt.Println(study.Name, study.Directions, err)
	// Output: digits, copied [maximize] <nil>
}
