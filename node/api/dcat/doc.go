// Package dcat writes the catalog for other data portals: DCAT 3 (W3C
// Recommendation, 2024) in JSON-LD 1.1, with ODRL 2.2 offers and agreements for
// what the policy and a contract allow, and a JSON Feed 1.1 of changes.
//
// Identifiers are the URLs under which the first node of the roster serves the
// things themselves: /v1/datasets/{id} for a dataset, /v1/datasets/{id}/versions/{n}
// for a version of it, /v1/registries/{id} for the series of all datasets that
// tell of one registry's entities. Every node gives the same document, because
// the base of the identifiers is the ledger's.
//
// What neither vocabulary has a word for is under the prefix weir: the action of
// aggregating, and what a policy says beyond ODRL (package explain). A consumer that does not know
// them still reads titles, licence, periods, price and term. The context stands
// in the document, so that reading it needs no network.
//
// It only reads records of package catalog and what package explain says of them, and
// writes bytes; it decides nothing.
package dcat
