package splitmix

import "testing"

func TestPermuteIsAPermutationThatTheSeedChooses(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 7, 16, 1000} {
		seen, moved := map[uint64]bool{}, false
		for i := range n {
			p := Permute(i, n, 1)
			if p >= n || seen[p] {
				t.Fatalf("of %d, %d has the place %d, which is too large or taken", n, i, p)
			}
			seen[p] = true
			moved = moved || p != Permute(i, n, 2)
		}
		if n > 3 && !moved {
			t.Errorf("two seeds give the same permutation of %d", n)
		}
	}
}
