package nn

import "fmt"

// An Image says how a row holds an image: row after row of it, pixel after
// pixel, the channels of a pixel side by side.
type Image struct{ Height, Width, Channels int }

// Size returns the number of columns of a row.
func (m Image) Size() int { return m.Height * m.Width * m.Channels }

// A Window is how a layer looks at an image: through squares of Size×Size
// pixels, Stride pixels apart in each direction. The first of them begins
// Padding pixels before the image, and none ends more than that behind it.
type Window struct {
	Size    int // at least 1
	Stride  int // at least 0, which means 1 for a convolution and Size for a pooling
	Padding int // at least 0 and less than Size
}

// over returns the image that has a pixel for each place of w on m. It panics
// if there is none.
func (w Window) over(m Image, channels int) Image {
	out := Image{w.places(m.Height), w.places(m.Width), channels}
	if m.Height+2*w.Padding < w.Size || m.Width+2*w.Padding < w.Size || w.Padding < 0 || w.Padding >= w.Size || w.Stride < 1 {
		panic(fmt.Sprintf("nn: a window %+v on an image %+v", w, m))
	}
	return out
}

// places returns the number of places on a line of n pixels.
func (w Window) places(n int) int { return (n+2*w.Padding-w.Size)/w.Stride + 1 }

// span returns which pixels of a line of n the window sees at its place i:
// those from first to last, without last. The first of them is number skipped
// of the window.
func (w Window) span(i, n int) (first, last, skipped int) {
	at := i*w.Stride - w.Padding
	first, last = max(at, 0), min(at+w.Size, n)
	return first, last, first - at
}
