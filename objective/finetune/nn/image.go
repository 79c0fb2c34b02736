package nn

import "fmt"

// An Image is the shape of an image in a row: line after line, pixel after pixel, with the channels
// of a pixel side by side.
type Image struct{ Height, Width, Channels int }

// Size returns the number of columns of a row.
func (m Image) Size() int { return m.Height * m.Width * m.Channels }

// A Window is the square of Size×Size pixels that a layer sees at once. It moves by Stride pixels
// in each direction, from Padding pixels before the image to at most Padding pixels after it.
type Window struct {
	Size    int // at least 1
	Stride  int // at least 0, which means 1 for a convolution and Size for a pooling
	Padding int // at least 0 and less than Size
}

// over returns the shape of the output: a pixel for each place of w on m. It panics if there is
// none.
func (w Window) over(m Image, channels int) Image {
	out := Image{w.places(m.Height), w.places(m.Width), channels}
	if m.Height+2*w.Padding < w.Size || m.Width+2*w.Padding < w.Size || w.Padding < 0 || w.Padding >= w.Size ||
		w.Stride < 1 {
		panic(fmt.Sprintf("nn: a window %+v on an image %+v", w, m))
	}
	return out
}

// places returns the number of places along n pixels.
func (w Window) places(n int) int { return (n+2*w.Padding-w.Size)/w.Stride + 1 }

// span returns the pixels that the window sees at place i along n pixels, from first up to but
// excluding last. The first is number skipped of the window.
func (w Window) span(i, n int) (first, last, skipped int) {
	at := i*w.Stride - w.Padding
	first, last = max(at, 0), min(at+w.Size, n)
	return first, last, first - at
}
