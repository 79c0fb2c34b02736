// Package weights copies parameters to and from the tensors of a file.
package weights

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// Tensors returns copies of the parameters by name.
func Tensors(params []*nn.Param) map[string]safetensors.Tensor {
	all := make(map[string]safetensors.Tensor, len(params))
	for _, p := range params {
		all[p.Name] = safetensors.Tensor{Shape: slices.Clone(p.Shape), Data: slices.Clone(p.Value)}
	}
	return all
}

// Marshal returns a safetensors file of the parameters, with the metadata that
// transformers expects.
func Marshal(params []*nn.Param) ([]byte, error) {
	return safetensors.Marshal(safetensors.File{Metadata: map[string]string{"format": "pt"}, Tensors: Tensors(params)})
}

// Load copies the tensors with the parameters' names into them. It changes
// nothing and returns an error if one is missing or has another shape.
func Load(params []*nn.Param, from map[string]safetensors.Tensor) error {
	for _, p := range params {
		t, ok := from[p.Name]
		if !ok {
			return fmt.Errorf("tensor %q is missing: there are %d, such as %q", p.Name, len(from),
				slices.Sorted(maps.Keys(from))[:min(len(from), 3)])
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return fmt.Errorf("tensor %q has shape %v, want %v", p.Name, t.Shape, p.Shape)
		}
	}
	for _, p := range params {
		copy(p.Value, from[p.Name].Data)
	}
	return nil
}
