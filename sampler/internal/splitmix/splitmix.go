// Package splitmix has a hash and a permutation of integers.
package splitmix

import "math/bits"

// Mix maps x to a number that looks random, one to one: one step of SplitMix64,
// Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
// (OOPSLA 2014).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Permute returns the place of i in a permutation of 0 … n-1 that the seed chooses.
// It encrypts i in a Feistel network on the least even number of bits that holds n,
// repeatedly until the result is below n, which takes fewer than four rounds on
// average: Black and Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002).
func Permute(i, n, seed uint64) uint64 {
	half := (bits.Len64(n-1) + 1) / 2
	mask := uint64(1)<<half - 1
	for {
		left, right := i>>half, i&mask
		for round := range uint64(6) {
			left, right = right, left^Mix(Mix(seed+round)^right)&mask
		}
		if i = left<<half | right; i < n {
			return i
		}
	}
}
