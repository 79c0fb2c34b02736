package train

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A Footprint is the memory of a training in bytes, without the data. Weights and gradients include
// those of frozen parameters.
type Footprint struct {
	Weights     int64 // values of all parameters
	Gradients   int64
	Moments     int64 // of AdamW, for trained parameters
	Best        int64 // copy of the best epoch's weights, for trained parameters
	Activations int64 // buffers of the layers for the largest batch
}

// Total returns the sum.
func (f Footprint) Total() int64 {
	return f.Weights + f.Gradients + f.Moments + f.Best + f.Activations
}

// measure returns the footprint of training net. It counts the buffers that the layers hold now, so
// the largest batch must have gone through them in both directions.
func measure(net nn.Layer) Footprint {
	var f Footprint
	var params, all walk
	for _, p := range net.Params() {
		f.Weights += 4 * int64(len(p.Value))
		f.Gradients += 4 * int64(len(p.Grad))
		if !p.Frozen {
			// Unfrozen parameters without a gradient are copied too: running statistics change.
			f.Best += 4 * int64(len(p.Value))
		}
		if p.Trains() {
			// Two numbers of four bytes.
			f.Moments += 8 * int64(len(p.Value))
		}
		// What belongs to parameters is not a buffer.
		params.add(reflect.ValueOf(p))
	}
	all.add(reflect.ValueOf(net))
	// By reflection, so layers of other packages need no method for it.
	f.Activations = max(all.bytes()-params.bytes(), 0)
	return f
}

// A walk finds the arrays reachable from a value: the buffers of layers of any kind.
type walk struct {
	seen   map[pointer]bool
	arrays []span
}

// A pointer with its type: a struct and its first field have the same address.
type pointer struct {
	at uintptr
	to reflect.Type
}

// A span is the addresses of an array, excluding the last.
type span struct{ from, to uintptr }

// add walks everything reachable, private fields included; it only reads addresses.
func (w *walk) add(v reflect.Value) {
	switch v.Kind() {
	// Each once, since layers share parameters and may form circles.
	case reflect.Pointer:
		p := pointer{v.Pointer(), v.Type()}
		if v.IsNil() || w.seen[p] {
			return
		}
		if w.seen == nil {
			w.seen = make(map[pointer]bool)
		}
		w.seen[p] = true
		w.add(v.Elem())
	case reflect.Interface:
		if !v.IsNil() {
			w.add(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			w.add(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array:
			for i := range v.Len() {
				w.add(v.Index(i))
			}
		// Elements without pointers: this is an array of numbers. Arrays within structs are too
		// small to matter.
		default:
			if v.Kind() == reflect.Slice && v.Len() > 0 {
				at := v.Pointer()
				w.arrays = append(w.arrays, span{at, at + uintptr(v.Len())*v.Type().Elem().Size()})
			}
		}
	}
}

// bytes returns the total size of the arrays, counting overlaps once.
func (w *walk) bytes() int64 {
	slices.SortFunc(w.arrays, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var sum, end uintptr
	for _, s := range w.arrays {
		// Views of one buffer overlap.
		if from := max(s.from, end); s.to > from {
			sum += s.to - from
			end = s.to
		}
	}
	return int64(sum)
}
