package api

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

func TestKeptAnswersAreBoundedByTheirSize(t *testing.T) {
	kept := answers{entries: map[string]*answer{}}
	body := make([]byte, 1<<20)
	for i := range 200 {
		e, mine := kept.enter(fmt.Sprint(i), sha256.Sum256(nil))
		if !mine {
			t.Fatal("the key is new")
		}
		e.said = &recorder{status: 200}
		_, _ = e.said.Write(body)
		kept.leave(e)
	}
	if n := len(kept.oldest); n < 60 || n > 66 || len(kept.entries) != n || kept.bytes != n<<20 {
		t.Errorf("of 200 answers of 1 MiB %d are kept, %d by key, %d bytes; want 64 MiB", n, len(kept.entries), kept.bytes)
	}
	if _, mine := kept.enter("199", sha256.Sum256(nil)); mine {
		t.Error("the last answer is forgotten")
	}
}
