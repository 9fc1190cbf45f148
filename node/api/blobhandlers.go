package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// mountPutBlob mounts the upload on gin itself, because huma would read the
// body before the handler could bound it by what it is said to be.
func mountPutBlob(s *server, r route) {
	op := s.operation(r)
	op.Parameters = []*huma.Param{
		{Name: "digest", In: "path", Required: true, Description: "SHA-256 of the body in hexadecimal", Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "kind", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{wire.BlobTile, wire.BlobManifest, wire.BlobPresence, wire.BlobVector}}},
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {}}}
	op.Responses["204"] = &huma.Response{Description: "Stored"}
	s.docs.OpenAPI().AddOperation(&op)
	s.engine.Handle(r.method, ginPath(r.path), func(c *gin.Context) {
		if err := s.putBlob(c); err != nil {
			s.refuse(c, err)
			return
		}
		c.Status(http.StatusNoContent)
	})
}

// putBlob stores what hashes to the digest in the path. The size must be known
// beforehand, so that memory is taken for no more than what will be kept.
func (s *server) putBlob(c *gin.Context) error {
	digest, err := catalog.ParseDigest(c.Param("digest"))
	if err != nil {
		return badRequest(err.Error())
	}
	if q := c.Request.URL.Query(); len(q) != 1 || len(q["kind"]) != 1 {
		return badRequest("the query of the address is kind=KIND and nothing else")
	}
	size := c.Request.ContentLength
	kind := wire.BlobKind(c.Query("kind"))
	switch kind {
	case wire.BlobVector:
		if err := within(size, maxVectorShare); err != nil {
			return err
		}
		if !s.shares.take(callerOf(c.Request.Context()).ID, size, s.opts.Now()) {
			return wire.NewProblem(http.StatusRequestEntityTooLarge, wire.KindRequest,
				fmt.Sprintf("you have uploaded as many shares of private vectors as a day allows, %d bytes", s.opts.ShareBytes)).
				Advising("use the portfolios that are registered: weir portfolio list; or go on tomorrow")
		}
	case wire.BlobTile:
		if err := publishes(c.Request.Context()); err != nil {
			return err
		}
		if err := s.checkTileSize(size); err != nil {
			return err
		}
	case wire.BlobManifest, wire.BlobPresence:
		if err := publishes(c.Request.Context()); err != nil {
			return err
		}
		if err := within(size, int64(s.opts.MaxIndexBytes)); err != nil {
			return err
		}
	default:
		return badRequest(fmt.Sprintf("kind is %.40q, want kind=tile, manifest, presence or vector", kind))
	}
	body, err := readSized(c.Request.Body, size)
	if err != nil {
		return fmt.Errorf("read the blob: %w", err)
	}
	if err := s.opts.Blobs.Put(c.Request.Context(), digest, body); err != nil {
		if got := catalog.Sum(body); got != digest { // as Put has found; once is enough for a tile that is right
			return badRequest(fmt.Sprintf("the body's digest is %s, the path says %s", got, digest))
		}
		return fmt.Errorf("store the blob: %w", err)
	}
	return nil
}

// checkTileSize refuses what is no tile, and one that a node of the release before could not read
// while there may be one.
func (s *server) checkTileSize(size int64) error {
	switch size {
	case int64(s.opts.TileBytes):
		return nil
	case int64(s.opts.PackedTileBytes):
	default:
		return badRequest(fmt.Sprintf("a tile has exactly %d bytes, packed %d, Content-Length says %d", s.opts.TileBytes, s.opts.PackedTileBytes, size))
	}
	var cluster catalog.Cluster
	if err := s.opts.Backend.Look(func(v state.View) (err error) { cluster, err = v.Cluster(); return err }); err != nil {
		return err
	}
	if cluster.FeatureLevel() < catalog.LevelPackedTiles {
		return badRequest(fmt.Sprintf("packed tiles came with feature level %d, the cluster has %d: a tile has exactly %d bytes",
			catalog.LevelPackedTiles, cluster.FeatureLevel(), s.opts.TileBytes))
	}
	return nil
}

// within refuses a body whose length is not known beforehand, or more than most.
func within(size, most int64) error {
	switch {
	case size > most:
		return tooLarge(most)
	case size <= 0:
		return badRequest("Content-Length must be set and positive")
	}
	return nil
}

// readSized reads a body that is said to have so many bytes. Memory is taken for what has
// come, and not for what is promised.
func readSized(r io.Reader, size int64) ([]byte, error) {
	const first = 1 << 20
	var b bytes.Buffer
	b.Grow(int(min(size, first)))
	if _, err := io.CopyN(&b, r, size); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, badRequest("the body is shorter than Content-Length")
	} else if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxVectorShare bounds a sealed share of a private vector: 8 bytes a bit and the
// overhead of sealing.
const maxVectorShare = 8*catalog.MaxVectorEntries + 8192

// publishes refuses whoever is no publisher.
func publishes(ctx context.Context) error {
	if callerOf(ctx).Role == catalog.RolePublisher {
		return nil
	}
	p := wire.NewProblem(http.StatusForbidden, wire.KindForbidden, "only publishers upload tiles, manifests and presences")
	p.Rule = "role"
	return p
}

func badRequest(message string) *wire.Problem {
	return wire.NewProblem(http.StatusBadRequest, wire.KindRequest, message)
}

type digestList struct {
	Body wire.Missing
}

func missing(ctx context.Context, s *server, in *digestList) (*reply[wire.Missing], error) {
	absent, err := s.opts.Blobs.Missing(ctx, in.Body.Digests)
	if err != nil {
		return nil, fmt.Errorf("look for blobs: %w", err)
	}
	return &reply[wire.Missing]{Body: wire.Missing{Digests: append([]catalog.Digest{}, absent...)}}, nil
}
