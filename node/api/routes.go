package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// route is a row of the table of everything that the API answers.
type route struct {
	method  string
	path    string // with {name} for parameters
	access  access
	body    int64         // largest body in bytes
	timeout time.Duration // of the whole request
	summary string
	mount   func(*server, route)
}

// Times that requests may take. A node that has no quorum says so within six
// seconds, which must fit.
const (
	short    = 15 * time.Second
	transfer = time.Minute
	// longPoll is more than the longest wait that may be asked for.
	longPoll = maxWait + short
)

// routes is the table. The gate refuses every request that has no row here.
func routes() []route {
	const get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
	version := "/v1/datasets/{id}/versions/{version}"
	return []route{
		{get, "/livez", anyone, 0, short, "Whether the process should be left running", answer(live)},
		{get, "/readyz", anyone, 0, short, "Whether the node can take work, and if not, why", answer(ready)},
		{get, "/v1/openapi.json", anyone, 0, short, "This API as OpenAPI 3.1", mountOpenAPI},
		{get, "/v1/status", watchers, 0, short, "What the node knows of itself", answer(status)},
		{get, "/v1/cluster", anyone, 0, short, "The cluster's id, threshold and nodes", answer(cluster)},

		{post, "/v1/envelopes", anyone, maxEnvelopeBody, transfer, "Have a signed envelope applied", answer(submit)},
		{get, "/v1/receipts/{seq}", anyone, 0, short, "Where the evidence log holds an entry", answer(receipt)},
		{get, "/v1/principals", operators, 0, short, "The admitted organisations", answer(listPrincipals)},

		{get, "/v1/registries", anyone, 0, short, "The registries", answer(listRegistries)},
		{get, "/v1/registries/{id}", anyone, 0, short, "A registry", answer(showRegistry)},
		{get, "/v1/registries/{id}/states", anyone, 0, short, "What the rows of a registry have been, by their digests", answer(listRegistryStates)},
		{get, "/v1/registries/{id}/rows", anyone, 0, short, "Rows of a registry", answer(registryRows)},
		{get, "/v1/registries/{id}/codes/{attribute}", anyone, 0, transfer, "Values of a registry's attribute, in the order of the codes that classes know them by", answer(codeValues)},
		{post, "/v1/registries/{id}/values", anyone, maxSQLBody, short, "Which values no row of a registry has", answer(unknownValues)},

		{get, "/v1/datasets", anyone, 0, short, "The datasets", answer(listDatasets)},
		{get, "/v1/datasets/{id}", anyone, 0, short, "A dataset with its descriptor", answer(showDataset)},
		{post, "/v1/check/dataset", publishers, maxSQLBody, short, "Whether the caller could create a dataset now, or why not", answer(checkDataset)},
		{get, "/v1/datasets/{id}/descriptors/{amended}", anyone, 0, short, "A dataset's descriptor as it was after so many amendments", answer(showDescriptor)},
		{get, "/v1/datasets/{id}/versions", anyone, 0, short, "The versions of a dataset", answer(listVersions)},
		{get, version, anyone, 0, longPoll, "A version of a dataset, if asked when it is over", answer(showVersion)},
		{get, version + "/receipt", anyone, 0, short, "Proof that the version was proposed, and went live", answer(versionReceipt)},
		{get, version + "/manifest", anyone, 0, transfer, "The version's manifest", answer(manifest)},
		{get, version + "/presence", anyone, 0, transfer, "The version's presence", answer(presence)},
		{get, version + "/settled", anyone, 0, transfer, "What a version of a protected dataset settled: units, choices and news", answer(versionSettled)},
		{get, "/v1/datasets/{id}/family", anyone, 0, short, "The release rule's state of a protected dataset's family", answer(showFamily)},
		{get, "/v1/datasets/{id}/family/tree", anyone, 0, transfer, "The tree of classes of a protected dataset's family", answer(familyTree)},

		{get, "/v1/catalog", anyone, 0, short, "The catalog as DCAT 3 in JSON-LD, with ODRL offers", answer(dcatCatalog)},
		{get, "/v1/feed", anyone, 0, short, "Changes of the catalog as a JSON Feed", answer(changes)},

		{get, "/v1/keys/{publisher}", anyone, 0, longPoll, "A publisher's collective key, if asked when it is ready", answer(showKey)},
		{get, "/v1/keys/{publisher}/shares/{point}", anyone, 0, transfer, "A node's share of the public key", answer(keyShare)},

		{put, "/v1/blobs/{digest}", askers, maxBlobBody, transfer, "Upload a tile, manifest, presence, or sealed share of a private vector", mountPutBlob},
		{post, "/v1/blobs/missing", publishers, maxMissingBody, transfer, "Which blobs this node does not hold", answer(missing)},

		{get, "/v1/ids/{begin}", principals, 0, short, "Ids of what the caller may see that begin so", answer(listIDs)},
		{get, "/v1/orders", principals, 0, short, "The caller's orders, and those on its datasets", answer(listOrders)},
		{get, "/v1/orders/{id}", principals, 0, short, "An order, with what its buyer signed", answer(showOrder)},
		{get, "/v1/contracts", principals, 0, short, "The caller's contracts", answer(listContracts)},
		{get, "/v1/contracts/{id}", principals, 0, short, "A contract", answer(showContract)},
		{get, "/v1/contracts/{id}/statement", principals, 0, short, "What was asked under a contract, and what it cost", answer(contractStatement)},
		{get, "/v1/contracts/{id}/odrl", principals, 0, short, "A contract's terms as an ODRL agreement", answer(contractODRL)},

		{get, "/v1/vectors", askers, 0, short, "The caller's private vectors", answer(listVectors)},
		{get, "/v1/vectors/{id}", askers, 0, longPoll, "A private vector of the caller's, if asked when its registration is over", answer(showVector)},

		{get, "/v1/queries", principals, 0, short, "The caller's queries", answer(listQueries)},
		{get, "/v1/queries/{id}", principals, 0, longPoll, "A query, if asked when it is over", answer(showQuery)},
		{get, "/v1/queries/{id}/shares", principals, 0, short, "What the nodes sealed to the caller", answer(queryShares)},
		{get, "/v1/queries/{id}/verdict", principals, 0, short, "The decision on the query", answer(queryVerdict)},

		{get, "/v1/queries/{id}/receipt", principals, 0, short, "Proof of what was asked, decided and sealed", answer(queryReceipt)},

		{get, "/v1/evidence/checkpoint", anyone, 0, short, "The evidence log's head, signed by a threshold of nodes", answer(checkpoint)},
		{get, "/v1/evidence/consistency", anyone, 0, short, "Proof that one checkpoint continues another", answer(consistency)},
		{get, "/v1/evidence/entries/{seq}", principals, 0, short, "Proof of an entry of the caller's, or of a public one", answer(entryReceipt)},

		{post, "/v1/compile", anyone, maxSQLBody, short, "Compile SQL to the request to sign", answer(compile)},
		{post, "/v1/explain", principals, maxSQLBody, short, "What a query would release, or why not", answer(explain)},
	}
}

// Bounds of bodies in bytes. An envelope is at most catalog.MaxEnvelope; the
// blob handler narrows its bound by what the blob is said to be.
const (
	// JSON carries the envelope in base64.
	maxEnvelopeBody = catalog.MaxEnvelope*4/3 + 4096
	maxBlobBody     = 256 << 20
	maxMissingBody  = wire.MaxMissing*72 + 256
	maxSQLBody      = 2*wire.MaxSQL + 1024
	// maxBodies bounds the bodies that one caller may be sending at a time: the largest
	// one and as many tiles as may be under way.
	maxBodies = maxBlobBody + 64<<20
)

// reply is a JSON answer.
type reply[T any] struct{ Body T }

// answer mounts a handler whose input and output huma reads, checks, describes
// and writes.
func answer[I, O any](handle func(context.Context, *server, *I) (*O, error)) func(*server, route) {
	return func(s *server, r route) {
		huma.Register(s.docs, s.operation(r), func(ctx context.Context, in *I) (*O, error) {
			out, err := handle(ctx, s, in)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return out, nil
		})
	}
}

// operation describes a row for OpenAPI.
func (s *server) operation(r route) huma.Operation {
	problem := s.docs.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	op := huma.Operation{
		OperationID:     operationID(r),
		Method:          r.method,
		Path:            r.path,
		Summary:         r.summary,
		MaxBodyBytes:    max(r.body, 1),
		BodyReadTimeout: r.timeout,
		Responses: map[string]*huma.Response{"default": {
			Description: "Problem",
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}},
	}
	if !r.access.public {
		op.Security = []map[string][]string{{"token": {}}}
		op.Description = "Needs a token"
		if len(r.access.roles) > 0 {
			roles := make([]string, len(r.access.roles))
			for i, role := range r.access.roles {
				roles[i] = string(role)
			}
			op.Description += " of the role " + strings.Join(roles, " or ")
		}
		op.Description += "."
	}
	return op
}

// operationID is the method and the words of the path.
func operationID(r route) string {
	words := strings.FieldsFunc(strings.TrimPrefix(r.path, "/v1"), func(c rune) bool { return strings.ContainsRune("/{}.", c) })
	return strings.ToLower(r.method) + "-" + strings.Join(words, "-")
}
