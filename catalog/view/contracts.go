package view

import (
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Order returns an order.
func (v ContractReader) Order(id string) (catalog.Order, error) {
	return records.Find[catalog.Order](v.r, records.PrefixOrder+id)
}

// SignedOrder returns the envelope that made an order: whoever decides on the order
// signs the digest of that.
func (v ContractReader) SignedOrder(id string) (catalog.Envelope, error) {
	return records.Find[catalog.Envelope](v.r, records.PrefixOrderSigned+id)
}

// Orders returns all orders, the oldest first.
func (v ContractReader) Orders() ([]catalog.Order, error) {
	all, _, err := v.OrderPage("", records.Page{})
	return all, err
}

// Contract returns a contract.
func (v ContractReader) Contract(id string) (catalog.Contract, error) {
	return records.Find[catalog.Contract](v.r, records.PrefixContract+id)
}

// Contracts returns all contracts, the oldest first.
func (v ContractReader) Contracts() ([]catalog.Contract, error) {
	all, _, err := v.ContractPage("", records.Page{})
	return all, err
}

// OrderPage lists the orders of a principal, as buyer and as the dataset's owner, in
// the ledger's order; the empty principal's are everybody's. The same holds for
// contracts.
func (v ContractReader) OrderPage(principal string, p records.Page) ([]catalog.Order, string, error) {
	if strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return records.ReadPage[catalog.Order](v.r, records.OfParty(records.PrefixOrderOf, principal), p, records.ByName(v.r, records.PrefixOrder))
}

// ContractPage lists contracts.
func (v ContractReader) ContractPage(principal string, p records.Page) ([]catalog.Contract, string, error) {
	if strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return records.ReadPage[catalog.Contract](v.r, records.OfParty(records.PrefixContractOf, principal), p, records.ByName(v.r, records.PrefixContract))
}
