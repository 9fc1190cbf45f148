package api

import (
	"fmt"
	"net/http"
)

// cost is what a route takes of the node at the worst.
type cost struct {
	kind kind
	// memory in bytes, the body beside: what an answer and the making of it may hold. It is
	// what a request of kindBulk takes of its kind's bytes.
	memory int64
}

// costs of all routes. A route without one is not served: newServer fails.
//
// A page of records is at most catalog.MaxPageBytes in the state, some ten times that
// while it is read, decoded and encoded again.
var costs = map[string]cost{
	"GET /livez": {kindProbe, 64 << 10}, "GET /readyz": {kindProbe, 1 << 20}, "GET /v1/openapi.json": {kindProbe, 1 << 20},
	"GET /v1/status": {kindProbe, 1 << 20}, "GET /v1/cluster": {kindRead, 1 << 20},

	"POST /v1/envelopes": {kindAct, 32 << 20}, "GET /v1/receipts/{seq}": {kindRead, 1 << 20}, "GET /v1/principals": {kindRead, 16 << 20},

	"GET /v1/registries": {kindRead, 16 << 20}, "GET /v1/registries/{id}": {kindRead, 1 << 20}, "GET /v1/registries/{id}/states": {kindRead, 16 << 20},
	"GET /v1/registries/{id}/rows": {kindRead, 16 << 20}, "GET /v1/registries/{id}/codes/{attribute}": {kindBulk, 64 << 20},
	"POST /v1/registries/{id}/values": {kindJudge, 16 << 20},

	"GET /v1/datasets": {kindRead, 16 << 20}, "GET /v1/datasets/{id}": {kindRead, 1 << 20}, "POST /v1/check/dataset": {kindJudge, 16 << 20},
	"GET /v1/datasets/{id}/descriptors/{amended}": {kindRead, 1 << 20}, "GET /v1/datasets/{id}/versions": {kindRead, 16 << 20},
	"GET /v1/datasets/{id}/versions/{version}": {kindWait, 1 << 20}, "GET /v1/datasets/{id}/versions/{version}/receipt": {kindRead, 4 << 20},
	"GET /v1/datasets/{id}/versions/{version}/manifest": {kindBulk, 64 << 20}, "GET /v1/datasets/{id}/versions/{version}/presence": {kindBulk, 64 << 20},
	"GET /v1/datasets/{id}/versions/{version}/settled": {kindBulk, 64 << 20}, "GET /v1/datasets/{id}/family": {kindRead, 4 << 20},
	"GET /v1/datasets/{id}/family/tree": {kindBulk, 64 << 20},

	"GET /v1/catalog": {kindRead, 16 << 20}, "GET /v1/feed": {kindRead, 16 << 20},

	"GET /v1/keys/{publisher}": {kindWait, 1 << 20}, "GET /v1/keys/{publisher}/shares/{point}": {kindBulk, 16 << 20},

	"PUT /v1/blobs/{digest}": {kindBulk, 1 << 20}, "POST /v1/blobs/missing": {kindBulk, 4 << 20},

	"GET /v1/ids/{begin}": {kindRead, 1 << 20}, "GET /v1/orders": {kindRead, 16 << 20}, "GET /v1/orders/{id}": {kindRead, 4 << 20},
	"GET /v1/contracts": {kindRead, 16 << 20}, "GET /v1/contracts/{id}": {kindRead, 1 << 20},
	"GET /v1/contracts/{id}/statement": {kindRead, 16 << 20}, "GET /v1/contracts/{id}/odrl": {kindRead, 1 << 20},

	"GET /v1/vectors": {kindRead, 16 << 20}, "GET /v1/vectors/{id}": {kindWait, 1 << 20},

	"GET /v1/queries": {kindRead, 16 << 20}, "GET /v1/queries/{id}": {kindWait, 4 << 20}, "GET /v1/queries/{id}/shares": {kindRead, 16 << 20},
	"GET /v1/queries/{id}/verdict": {kindRead, 32 << 20}, "GET /v1/queries/{id}/receipt": {kindRead, 32 << 20},

	"GET /v1/evidence/checkpoint": {kindRead, 1 << 20}, "GET /v1/evidence/consistency": {kindRead, 1 << 20},
	"GET /v1/evidence/entries/{seq}": {kindRead, 16 << 20},

	"POST /v1/compile": {kindJudge, 32 << 20}, "POST /v1/explain": {kindJudge, 64 << 20},
}

// costOf is what a row of the table takes.
func costOf(r route) (cost, error) {
	c, known := costs[r.method+" "+r.path]
	if !known {
		return c, fmt.Errorf("route %s %s has no row in the table of costs", r.method, r.path)
	}
	return c, nil
}

// bytes are what a request takes of its kind's bytes, with a body of that length.
func (c cost) bytes(r *http.Request, body int64) int64 {
	if r.Method == http.MethodPut {
		return body // it is read once, and kept until it is stored
	}
	return c.memory + body
}
