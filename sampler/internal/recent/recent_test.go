package recent

import (
	"slices"
	"testing"
)

func TestGetMovesToTheFrontAndForgetsTheOldest(t *testing.T) {
	var l List[int]
	created := 0
	get := func(want int) {
		t.Helper()
		got := l.Get(func(v int) bool { return v == want }, func() int { created++; return want })
		if got != want || l[0] != want {
			t.Errorf("got %d with %v in front, want %d", got, l[0], want)
		}
	}
	for v := range kept {
		get(v)
	}
	get(0)
	get(7)
	if want := []int{7, 0, 15, 14, 13, 12, 11, 10, 9, 8, 6, 5, 4, 3, 2, 1}; created != kept || !slices.Equal(l, want) {
		t.Errorf("%d were created and the list is %v, want %d and %v", created, l, kept, want)
	}
	get(99) // instead of 1
	if len(l) != kept || slices.Contains(l, 1) || !slices.Contains(l, 2) {
		t.Errorf("the list is %v, want 99 in the place of 1", l)
	}
}
