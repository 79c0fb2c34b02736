package nn

// Walk calls visit for l and for all layers it consists of, each before its parts.
func Walk(l Layer, visit func(Layer)) {
	visit(l)
	var parts []Layer
	switch l := l.(type) {
	case Sequential:
		parts = l
	case *Network:
		// A full slice, so append does not overwrite what follows the blocks.
		parts = append(l.Blocks[:len(l.Blocks):len(l.Blocks)], l.Head)
	case *Residual:
		parts = []Layer{l.F}
		if l.Shortcut != nil {
			parts = append(parts, l.Shortcut)
		}
	case *MultiHeadAttention:
		parts = []Layer{l.Query, l.Key, l.Value, l.Output}
	// Layers of other packages say themselves what they consist of.
	case interface{ Layers() []Layer }:
		parts = l.Layers()
	}
	for _, p := range parts {
		Walk(p, visit)
	}
}
