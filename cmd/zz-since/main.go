package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

func main() {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, os.Args[1], sqlite.Options{ReadOnly: true})
	if err != nil {
		panic(err)
	}
	st, _ := db.Load(ctx, "big")
	f, _ := os.Create("/tmp/since.prof")
	pprof.StartCPUProfile(f)
	began := time.Now()
	c, err := db.Since(ctx, st.ID, 0)
	fmt.Println("Since", time.Since(began), len(c.Trials), err)
	pprof.StopCPUProfile()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println(m.HeapAlloc>>20, "MiB", m.Sys>>20)
	runtime.KeepAlive(c)
}
