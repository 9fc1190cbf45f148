package seeds

import (
	"embed"
	"fmt"
)

//go:embed descriptors/*.yaml
var descriptorFiles embed.FS

// Descriptor returns the YAML that publishes a dataset: one of
// [Generator.Datasets], or beijing_air, which describes the 12 files of the
// Beijing Multi-Site Air-Quality Data (UCI data set 501).
func Descriptor(id string) ([]byte, error) {
	text, err := descriptorFiles.ReadFile("descriptors/" + id + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no descriptor for dataset %q: %w", id, err)
	}
	return text, nil
}
