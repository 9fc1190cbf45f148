package records

// NoiseFamily is the ledger of epsilon of a family: one over all its datasets
// and all buyers.
type NoiseFamily struct {
	Dataset string `json:"dataset"` // whose policy set the limit
	Limit   string `json:"limit"`
	Spent   string `json:"spent"`
}

// NoiseKey is where the spent epsilon of a family is kept.
func NoiseKey(owner, registry string) string { return prefixNoise + owner + "/" + registry }
