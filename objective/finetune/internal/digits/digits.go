// Package digits has the images of the digits task: the test part of E. Alpaydin and C. Kaynak,
// "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998 (see
// data/README.md).
package digits

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// Pixels is the number of pixels of an image, 8×8.
const Pixels = 64

const (
	white    = 16 // the largest value of a pixel
	nClasses = 10
)

//go:embed data/digits.csv.gz
var file []byte

// A Split divides the images of some digits, with the same number of each digit in every part.
type Split struct {
	Digits     []uint8 // the classes: label i is Digits[i]; all different
	Train      int     // images per digit to train on
	Validation int     // images per digit to validate on; the others are for testing
	Seed       uint64  // of the random split
}

// Load decodes and splits the images. Pixels are in [0, 1]. It is an error if a digit does not have
// more images than Train and Validation together.
func Load(s Split) (training, validation, test train.Set, err error) {
	byDigit, err := read()
	if err != nil {
		return training, validation, test, err
	}
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	for label, digit := range s.Digits {
		images := byDigit[digit]
		if n := s.Train + s.Validation; len(images) <= n {
			return training, validation, test, fmt.Errorf(
				"training and validation take %d images of digit %d, want fewer than %d", n, digit, len(images))
		}
		rng.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
		for i, image := range images {
			part := &test
			switch {
			case i < s.Train:
				part = &training
			case i < s.Train+s.Validation:
				part = &validation
			}
			part.X.Data = append(part.X.Data, image...)
			part.Labels = append(part.Labels, label)
		}
	}
	for _, part := range []*train.Set{&training, &validation, &test} {
		part.X = blas32.General{Rows: len(part.Labels), Cols: Pixels, Stride: Pixels, Data: part.X.Data}
	}
	return training, validation, test, nil
}

// read returns the images of each digit.
func read() (byDigit [nClasses][][]float32, err error) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return byDigit, err
	}
	lines := csv.NewReader(z)
	lines.FieldsPerRecord = Pixels + 1
	lines.ReuseRecord = true
	for {
		fields, err := lines.Read()
		if err == io.EOF {
			return byDigit, nil
		}
		if err != nil {
			return byDigit, err
		}
		digit, err := strconv.ParseUint(fields[Pixels], 10, 8)
		if err != nil || digit >= nClasses {
			return byDigit, fmt.Errorf("label is %q, want 0 to %d", fields[Pixels], nClasses-1)
		}
		image := make([]float32, Pixels)
		for i := range image {
			v, err := strconv.ParseUint(fields[i], 10, 8)
			if err != nil || v > white {
				return byDigit, fmt.Errorf("pixel is %q, want 0 to %d", fields[i], white)
			}
			image[i] = float32(v) / white
		}
		byDigit[digit] = append(byDigit[digit], image)
	}
}
