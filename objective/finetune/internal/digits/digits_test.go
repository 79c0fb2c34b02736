package digits

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// images counts the images of the parts, with their digits, as text.
func images(s Split, parts ...train.Set) map[string]int {
	count := make(map[string]int)
	for _, p := range parts {
		for i, label := range p.Labels {
			count[fmt.Sprint(s.Digits[label], p.X.Data[i*Pixels:(i+1)*Pixels])]++
		}
	}
	return count
}

func TestLoadDividesAllImagesOfTheDigits(t *testing.T) {
	s := Split{Digits: []uint8{9, 0, 5}, Train: 15, Validation: 60, Seed: 1}
	training, validation, test, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	if n, want := len(training.Labels), 3*15; n != want {
		t.Errorf("training has %d images, want %d", n, want)
	}
	if n, want := len(validation.Labels), 3*60; n != want {
		t.Errorf("validation has %d images, want %d", n, want)
	}
	// The file has 180, 178 and 182 images of 9, 0 and 5.
	if n, want := len(test.Labels), 180+178+182-3*75; n != want {
		t.Errorf("test has %d images, want %d", n, want)
	}
	all := make(map[string]int)
	byDigit, err := read()
	if err != nil {
		t.Fatal(err)
	}
	for _, digit := range s.Digits {
		for _, image := range byDigit[digit] {
			all[fmt.Sprint(digit, image)]++
		}
	}
	if got := images(s, training, validation, test); !reflect.DeepEqual(got, all) {
		t.Errorf("the parts have not the images of the digits, each once")
	}
	for name, p := range map[string]train.Set{"training": training, "validation": validation, "test": test} {
		if p.X.Rows != len(p.Labels) || p.X.Cols != Pixels || p.X.Stride != Pixels || len(p.X.Data) != p.X.Rows*Pixels {
			t.Errorf("%s: %d labels for a %d×%d matrix of %d numbers", name, len(p.Labels), p.X.Rows, p.X.Cols, len(p.X.Data))
		}
		for _, v := range p.X.Data {
			if v < 0 || v > 1 {
				t.Fatalf("%s: a pixel is %v, want 0 to 1", name, v)
			}
		}
	}
}

// The file has no image twice, so that no image can be in two parts.
func TestImagesAreDifferent(t *testing.T) {
	byDigit, err := read()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	n := 0
	for _, list := range byDigit {
		for _, image := range list {
			seen[fmt.Sprint(image)] = true
			n++
		}
	}
	if n != 1797 || len(seen) != n {
		t.Errorf("%d images, %d of them different, want 1797 and all", n, len(seen))
	}
}

func TestTheSeedDecidesTheParts(t *testing.T) {
	load := func(seed uint64) train.Set {
		training, _, _, err := Load(Split{Digits: []uint8{1, 2}, Train: 20, Validation: 20, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return training
	}
	if !reflect.DeepEqual(load(1), load(1)) {
		t.Error("two splits with seed 1 differ, want the same")
	}
	if reflect.DeepEqual(load(1), load(2)) {
		t.Error("splits with seeds 1 and 2 are the same, want others")
	}
}

func TestLoadRefusesMoreImagesThanThereAre(t *testing.T) {
	if _, _, _, err := Load(Split{Digits: []uint8{8}, Train: 100, Validation: 73}); err != nil {
		t.Errorf("one image left for the test: %v", err)
	}
	_, _, _, err := Load(Split{Digits: []uint8{8}, Train: 100, Validation: 74})
	if err == nil || !strings.Contains(err.Error(), "174 images of digit 8") {
		t.Errorf("no image left for the test: error is %v", err)
	}
}
