package wire

import "github.com/weirdata/weir/catalog"

// Vectors is a page of a principal's private vectors.
type Vectors struct {
	Vectors []catalog.Vector `json:"vectors"`
	More
}
