package finetune

import (
	"fmt"
	"os"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// SaveWeights writes the values of parameters to a safetensors file, by their
// names.
func SaveWeights(path string, params []*nn.Param) error {
	b, err := weights.Marshal(params)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o666)
}

// LoadWeights sets the values of parameters to those of a safetensors file with
// the same names and shapes. The file may hold more.
func LoadWeights(path string, params []*nn.Param) error {
	f, err := safetensors.ReadFile(path)
	if err != nil {
		return err
	}
	if err := weights.Load(params, f.Tensors); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
