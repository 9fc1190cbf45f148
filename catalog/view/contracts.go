package view

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Order returns an order.
func (v View) Order(id string) (catalog.Order, error) {
	return records.Find[catalog.Order](v.r, records.PrefixOrder+id)
}

// SignedOrder returns the envelope that made an order: whoever decides on the order
// signs the digest of that.
func (v View) SignedOrder(id string) (catalog.Envelope, error) {
	return records.Find[catalog.Envelope](v.r, records.PrefixOrderSigned+id)
}

// Contract returns a contract.
func (v View) Contract(id string) (catalog.Contract, error) {
	return records.Find[catalog.Contract](v.r, records.PrefixContract+id)
}

// OrderPage lists the orders of a principal, as buyer and as the dataset's owner, in
// the ledger's order; the empty principal's are everybody's. The same holds for
// contracts.
func (v View) OrderPage(principal string, p records.Page) ([]catalog.Order, string, error) {
	return ofParty[catalog.Order](v.r, records.PrefixOrderOf, principal, records.PrefixOrder, p)
}

// ContractPage lists contracts.
func (v View) ContractPage(principal string, p records.Page) ([]catalog.Contract, string, error) {
	return ofParty[catalog.Contract](v.r, records.PrefixContractOf, principal, records.PrefixContract, p)
}
