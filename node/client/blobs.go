package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// MaxBlob bounds a manifest or presence that is read, in bytes.
const MaxBlob = 512 << 20

// PutBlob uploads one blob. Sent twice it is stored once, so it may be tried on
// one node after another; nodes replicate what the ledger names.
func (c *Client) PutBlob(ctx context.Context, kind wire.BlobKind, digest catalog.Digest, b []byte) error {
	if _, err := c.Do(ctx, BlobCall(kind, digest, b)); err != nil {
		return fmt.Errorf("upload the %s %s: %w", kind, digest, err)
	}
	return nil
}

// BlobCall uploads one blob.
func BlobCall(kind wire.BlobKind, digest catalog.Digest, b []byte) Call {
	return Call{
		Method: http.MethodPut, Path: "/v1/blobs/" + digest.String() + "?kind=" + string(kind),
		Body: b, ContentType: "application/octet-stream", Token: true,
	}
}

// MissingBlobs asks which blobs the node that is asked does not hold.
func (c *Client) MissingBlobs(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	var absent []catalog.Digest
	for len(digests) > 0 {
		part := digests[:min(len(digests), wire.MaxMissing)]
		digests = digests[len(part):]
		answer, err := Post[wire.Missing](ctx, c, "/v1/blobs/missing", wire.Missing{Digests: part}, true)
		if err != nil {
			return nil, fmt.Errorf("ask which blobs are missing: %w", err)
		}
		absent = append(absent, answer.Digests...)
	}
	return absent, nil
}
