// Package wire holds the JSON shapes of the HTTP API that are not records of
// package catalog, so that the Go client needs neither the server nor gin.
//
// Everything under /v1 is read and written as JSON (RFC 8259) except blobs,
// which are application/octet-stream. Errors are application/problem+json
// (RFC 9457): see Problem. A field may be added; none is removed or changes its
// meaning within /v1.
package wire
