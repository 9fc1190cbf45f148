package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
)

// route is a row of the table of everything that the API answers.
type route struct {
	method  string
	path    string // with {name} for parameters
	access  access
	body    int64 // largest body in bytes
	cost    cost
	summary string
	mount   func(*server, route)
}

// cost is what a route takes of the node at the worst.
type cost struct {
	kind    kind
	timeout time.Duration // of the whole request
	// memory in bytes, the body beside: what an answer and the making of it may hold. It is
	// what a request of kindBulk takes of its kind's bytes.
	memory int64
}

// bytes are what a request takes of its kind's bytes, with a body of that length.
func (c cost) bytes(r *http.Request, body int64) int64 {
	if r.Method == http.MethodPut {
		return body // it is read once, and kept until it is stored
	}
	return c.memory + body
}

// Times that requests may take. A node that has no quorum says so within six
// seconds, which must fit.
const (
	short    = 15 * time.Second
	transfer = time.Minute
	// prepareTime is what a ledger of some tens of gigabytes takes to be written out.
	prepareTime = 10 * time.Minute
	// longPoll is more than the longest wait that may be asked for.
	longPoll = maxWait + short
)

// Costs that many routes have. A page of records is at most catalog.MaxPageBytes in the
// state, some ten times that while it is read, decoded and encoded again.
var (
	probe  = cost{kindProbe, short, 1 << 20}
	record = cost{kindRead, short, 1 << 20}
	detail = cost{kindRead, short, 4 << 20}
	page   = cost{kindRead, short, 16 << 20}
	bulk   = cost{kindBulk, transfer, 64 << 20}
	poll   = cost{kindWait, longPoll, 1 << 20}
)

// routes is the table. The gate refuses every request that has no row here.
func routes() []route {
	const get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
	version := "/v1/datasets/{id}/versions/{version}"
	return []route{
		{get, "/livez", anyone, 0, cost{kindProbe, short, 64 << 10}, "Whether the process should be left running", answer(live)},
		{get, "/readyz", anyone, 0, probe, "Whether the node can take work, and if not, why", answer(ready)},
		{get, "/v1/openapi.json", anyone, 0, probe, "This API as OpenAPI 3.1", mountOpenAPI},
		{get, "/v1/status", watchers, 0, probe, "What the node knows of itself", answer(status)},
		{get, "/v1/roster", anyone, 0, detail, "The entries that made the roster, the founding first", read(roster)},
		{get, "/v1/cluster", anyone, 0, record, "The cluster's id, threshold and nodes", read(cluster)},

		{post, "/v1/envelopes", anyone, maxEnvelopeBody, cost{kindAct, transfer, 32 << 20}, "Have a signed envelope applied", answer(submit)},
		{get, "/v1/receipts/{seq}", anyone, 0, record, "Where the evidence log holds an entry", answer(receipt)},
		{get, "/v1/principals", operators, 0, page, "The admitted organisations", read(listPrincipals)},

		{post, "/v1/backup", operators, 0, cost{kindBulk, prepareTime, 64 << 20}, "Hold the ledger ready for a backup by the operator of a seat", answer(prepareBackup)},
		{get, "/v1/backup/parts/{digest}", operators, 0, cost{kindBulk, transfer, 16 << 20}, "A part of the ledger that is held ready", answer(backupPart)},
		{get, "/v1/backup/blobs/{digest}", operators, 0, bulk, "A blob, for a backup", answer(backupBlob)},

		{get, "/v1/deposits", anyone, 0, page, "Deposits of nodes' shares with custodians, and what they are worth", read(listDeposits)},

		{get, "/v1/registries", anyone, 0, page, "The registries", read(listRegistries)},
		{get, "/v1/registries/{id}", anyone, 0, record, "A registry", read(showRegistry)},
		{get, "/v1/registries/{id}/states", anyone, 0, page, "What the rows of a registry have been, by their digests", read(listRegistryStates)},
		{get, "/v1/registries/{id}/rows", anyone, 0, page, "Rows of a registry", read(registryRows)},
		{get, "/v1/registries/{id}/codes/{attribute}", anyone, 0, bulk, "Values of a registry's attribute, in the order of the codes that classes know them by", hashed(codeValues)},
		{post, "/v1/registries/{id}/values", anyone, maxSQLBody, cost{kindJudge, short, 16 << 20}, "Which values no row of a registry has", answer(unknownValues)},

		{get, "/v1/datasets", anyone, 0, page, "The datasets", read(listDatasets)},
		{get, "/v1/datasets/{id}", anyone, 0, record, "A dataset with its descriptor", byID("dataset", state.View.Dataset)},
		{post, "/v1/check/dataset", publishers, maxSQLBody, cost{kindJudge, short, 16 << 20}, "Whether the caller could create a dataset now, or why not", answer(checkDataset)},
		{get, "/v1/datasets/{id}/descriptors/{amended}", anyone, 0, record, "A dataset's descriptor as it was after so many amendments", read(showDescriptor)},
		{get, "/v1/datasets/{id}/versions", anyone, 0, page, "The versions of a dataset", read(listVersions)},
		{get, version, anyone, 0, poll, "A version of a dataset, if asked when it is over", answer(showVersion)},
		{get, version + "/receipt", anyone, 0, detail, "Proof that the version was proposed, and went live", answer(versionReceipt)},
		{get, version + "/manifest", anyone, 0, bulk, "The version's manifest", stored("manifest", manifest)},
		{get, version + "/presence", anyone, 0, bulk, "The version's presence", stored("presence", presence)},
		{get, version + "/settled", anyone, 0, bulk, "What a version of a protected dataset settled: units, choices and news", hashed(versionSettled)},
		{get, "/v1/datasets/{id}/family", anyone, 0, detail, "The release rule's state of a protected dataset's family", read(showFamily)},
		{get, "/v1/datasets/{id}/family/tree", anyone, 0, bulk, "The tree of classes of a protected dataset's family", hashed(familyTree)},

		{get, "/v1/catalog", anyone, 0, page, "The catalog as DCAT 3 in JSON-LD, with ODRL offers", written(typeJSONLD, dcatCatalog)},
		{get, "/catalog.html", anyone, 0, page, "The catalog as a page for people, without a script", answer(catalogHTML)},
		{get, "/v1/feed", anyone, 0, page, "Changes of the catalog as a JSON Feed", written(typeFeed, changes)},

		{get, "/v1/keys/{publisher}", anyone, 0, poll, "A publisher's collective key, if asked when it is ready", answer(showKey)},
		{get, "/v1/keys/{publisher}/shares/{point}", anyone, 0, cost{kindBulk, transfer, 16 << 20}, "A node's share of the public key", stored("share of the public key", keyShare)},

		{put, "/v1/blobs/{digest}", askers, maxBlobBody, cost{kindBulk, transfer, 1 << 20}, "Upload a tile, manifest, presence, or sealed share of a private vector", mountPutBlob},
		{post, "/v1/blobs/missing", publishers, maxMissingBody, cost{kindBulk, transfer, 4 << 20}, "Which blobs this node does not hold", answer(missing)},

		{get, "/v1/ids/{begin}", principals, 0, record, "Ids of what the caller may see that begin so", read(listIDs)},
		{get, "/v1/orders", principals, 0, page, "The caller's orders, and those on its datasets", read(listOrders)},
		{get, "/v1/orders/{id}", principals, 0, detail, "An order, with what its buyer signed", read(showOrder)},
		{get, "/v1/contracts", principals, 0, page, "The caller's contracts", read(listContracts)},
		{get, "/v1/contracts/{id}", principals, 0, record, "A contract", read(showContract)},
		{get, "/v1/contracts/{id}/statement", principals, 0, page, "What was asked under a contract, and what it cost", read(contractStatement)},
		{get, "/v1/contracts/{id}/odrl", principals, 0, record, "A contract's terms as an ODRL agreement", written(typeJSONLD, contractODRL)},

		{get, "/v1/vectors", askers, 0, page, "The caller's private vectors", read(listVectors)},
		{get, "/v1/vectors/{id}", askers, 0, poll, "A private vector of the caller's, if asked when its registration is over", answer(showVector)},

		{get, "/v1/queries", principals, 0, page, "The caller's queries", read(listQueries)},
		{get, "/v1/queries/{id}", principals, 0, cost{kindWait, longPoll, 4 << 20}, "A query, if asked when it is over", answer(showQuery)},
		{get, "/v1/queries/{id}/shares", principals, 0, page, "What the nodes sealed to the caller", read(queryShares)},
		{get, "/v1/queries/{id}/verdict", principals, 0, cost{kindRead, short, 32 << 20}, "The decision on the query", read(queryVerdict)},

		{get, "/v1/queries/{id}/receipt", principals, 0, cost{kindRead, short, 32 << 20}, "Proof of what was asked, decided and sealed", answer(queryReceipt)},

		{get, "/v1/evidence/checkpoint", anyone, 0, record, "The evidence log's head, signed by a threshold of nodes", answer(checkpoint)},
		{post, "/v1/evidence/present", anyone, maxNoteBody, cost{kindAct, short, 4 << 20}, "Show a checkpoint, which may be of a past that a restored cluster has lost", answer(presentNote)},
		{get, "/v1/restores", anyone, 0, detail, "How the cluster was restored from backups, signed by the operators of seats", read(restores)},
		{get, "/v1/evidence/consistency", anyone, 0, record, "Proof that one checkpoint continues another", answer(consistency)},
		{get, "/v1/evidence/entries/{seq}", principals, 0, page, "Proof of an entry of the caller's, or of a public one", answer(entryReceipt)},

		{post, "/v1/compile", anyone, maxSQLBody, cost{kindJudge, short, 32 << 20}, "Compile SQL to the request to sign", answer(compile)},
		{post, "/v1/explain", principals, maxSQLBody, cost{kindJudge, short, 64 << 20}, "What a query would release, or why not", answer(explain)},
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
	maxNoteBody     = 2 * evidence.MaxNoteBytes
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

// look returns what is found in a state that holds everything acknowledged before the call.
func look[T any](ctx context.Context, s *server, find func(state.View) (T, error)) (out T, err error) {
	err = s.opts.Backend.Read(ctx, func(v state.View) error {
		out, err = find(v)
		return err
	})
	return out, err
}

// read mounts a handler that answers what it finds in such a state.
func read[I, T any](find func(context.Context, state.View, *I) (T, error)) func(*server, route) {
	return answer(func(ctx context.Context, s *server, in *I) (*reply[T], error) {
		body, err := look(ctx, s, func(v state.View) (T, error) { return find(ctx, v, in) })
		return &reply[T]{body}, err
	})
}

// byID mounts a handler that answers the record of an id.
func byID[T any](what string, get func(state.View, string) (T, error)) func(*server, route) {
	return read(func(_ context.Context, v state.View, in *ByID) (T, error) {
		record, err := get(v, in.ID)
		return record, found(err, what, in.ID)
	})
}

// document is an answer whose bytes something else prescribes than the API.
type document struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// written mounts a handler that answers a document made of the state.
func written[I any](contentType string, write func(context.Context, state.View, *I) ([]byte, error)) func(*server, route) {
	return answer(func(ctx context.Context, s *server, in *I) (*document, error) {
		b, err := look(ctx, s, func(v state.View) ([]byte, error) { return write(ctx, v, in) })
		return &document{contentType, b}, err
	})
}

// blob is an answer of bytes that never change: their address is their hash.
type blob struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func newBlob(d catalog.Digest, b []byte) *blob {
	return &blob{ContentType: "application/octet-stream", ETag: `"` + d.String() + `"`, Body: b}
}

// hashed mounts a handler that answers bytes of the state, by their digest.
func hashed[I any](get func(state.View, *I) ([]byte, error)) func(*server, route) {
	return answer(func(ctx context.Context, s *server, in *I) (*blob, error) {
		b, err := look(ctx, s, func(v state.View) ([]byte, error) { return get(v, in) })
		return newBlob(catalog.Sum(b), b), err
	})
}

// stored mounts a handler that answers the blob whose digest the state has.
func stored[I any](what string, digest func(state.View, *I) (catalog.Digest, error)) func(*server, route) {
	return answer(func(ctx context.Context, s *server, in *I) (*blob, error) {
		d, err := look(ctx, s, func(v state.View) (catalog.Digest, error) { return digest(v, in) })
		if err != nil {
			return nil, err
		}
		b, err := s.opts.Blobs.Get(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("read the %s: %w", what, err)
		}
		return newBlob(d, b), nil
	})
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
		BodyReadTimeout: r.cost.timeout,
		Responses: map[string]*huma.Response{"default": {
			Description: "Problem",
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}},
	}
	if !r.access.public {
		op.Security = []map[string][]string{{"token": {}}}
		op.Description = "Needs a token"
		if len(r.access.roles) > 0 {
			op.Description += " of the role " + rolesWords(r.access.roles)
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
