package records

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Holder is a contract that gives its buyer a place in a measure.
type Holder struct {
	Owner    string `json:"owner"`
	Contract string `json:"contract"`
}

// Place is what an owner has of a measure in a period of the policy's grain, over all
// versions: one commitment. It is pending while queries on it are open, and kept once one
// of them ended in whatever way but a failed test.
type Place struct {
	Owner      string         `json:"owner"`
	Commitment catalog.Digest `json:"commitment"`
	Asked      []string       `json:"asked,omitempty"` // open queries
	Kept       bool           `json:"kept,omitempty"`
}

// PlaceBinding is what an owner's places in a family are of, where the policy binds it to one
// list.
type PlaceBinding struct {
	Commitment catalog.Digest `json:"commitment"`
	Places     int            `json:"places"`
}

// HoldersKey is where the contracts are kept that give places in a measure.
func HoldersKey(dataset, measure string) string { return prefixHolders + dataset + "/" + measure }

// PlacesPrefix is what the keys of a measure's places begin with.
func PlacesPrefix(dataset, measure string) string {
	return PrefixPlace + dataset + "/" + measure + "/"
}

// PlaceKey has periods in their order, those before 1970 included.
func PlaceKey(dataset, measure string, period int64) string {
	return fmt.Sprintf("%s%020d", PlacesPrefix(dataset, measure), period+PlaceZero)
}

// PlaceZero is added to periods in keys, so that those before 1970 are in their order too.
const PlaceZero = 1 << 40

// ListsKnown is what an owner says of a family after a restore that lost something: that no list was answered
// which the ledger does not have, of what was lost until a time of the state's clock (recovery.Restored.LostAt).
type ListsKnown struct {
	Until int64 `json:"until"`
}

// ListsKnownKey is where it is kept.
func ListsKnownKey(owner, registry string) string { return prefixKnown + familyName(owner, registry) }

// PlaceBindingKey is where it is kept what an owner's places in a family are bound to.
func PlaceBindingKey(d catalog.Dataset, owner string) string {
	return prefixBond + familyName(d.Owner, d.Descriptor.Registry) + "/" + owner
}

// Holders are the contracts that give places in a measure now.
func Holders(r Reader, now int64, dataset, measure string) ([]Holder, error) {
	all, _, err := Lookup[[]Holder](r, HoldersKey(dataset, measure))
	if err != nil {
		return nil, err
	}
	var out []Holder
	for _, h := range all {
		k, err := Find[catalog.Contract](r, PrefixContract+h.Contract)
		if err != nil {
			return nil, err
		}
		if k.State != catalog.ContractRevoked && now < k.Until {
			out = append(out, h)
		}
	}
	return out, nil
}

// Owners are the principals among holders, each once, ascending.
func Owners(list []Holder) []string {
	var out []string
	for _, h := range list {
		out = append(out, h.Owner)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// PlacesAt are the places that are taken in a measure at a period; none is no error.
func PlacesAt(r Reader, dataset, measure string, period int64) ([]Place, error) {
	list, _, err := Lookup[[]Place](r, PlaceKey(dataset, measure, period))
	return list, err
}
