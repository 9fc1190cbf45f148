package view

import "github.com/weirdata/weir/catalog/records"

// source is one consistent version of the state.
type source struct {
	cache *records.Cache
	r     records.Reader
}

// MemberReader reads the cluster, its nodes and the admitted organisations.
type MemberReader struct{ source }

// RegistryReader reads registries and their rows.
type RegistryReader struct{ source }

// DatasetReader reads datasets, their descriptors and versions.
type DatasetReader struct{ source }

// FamilyReader reads what the release rule decides on, and the accounts of epsilon.
type FamilyReader struct{ source }

// KeyReader reads publishers' keys.
type KeyReader struct{ source }

// ContractReader reads orders, contracts and their statements.
type ContractReader struct{ source }

// QueryReader reads queries, their verdicts and shares.
type QueryReader struct{ source }

// VectorReader reads private vectors.
type VectorReader struct{ source }

// View reads all of it.
type View struct {
	MemberReader
	RegistryReader
	DatasetReader
	FamilyReader
	KeyReader
	ContractReader
	QueryReader
	VectorReader
}

// New returns a view of what r reads, by way of what a cache has decoded.
func New(c *records.Cache, r records.Reader) View {
	s := source{c, r}
	return View{
		MemberReader{s}, RegistryReader{s}, DatasetReader{s}, FamilyReader{s}, KeyReader{s}, ContractReader{s}, QueryReader{s}, VectorReader{s},
	}
}
