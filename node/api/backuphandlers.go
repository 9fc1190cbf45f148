package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// errNoBackups is answered where backups are not made.
var errNoBackups = fmt.Errorf("%w: it holds nothing ready for backups", ErrUnavailable)

// seated refuses operators without a seat. A backup has the whole ledger, which whoever runs a
// node has on its disk, and nobody else.
func (s *server) seated(ctx context.Context) error {
	var c catalog.Cluster
	// Who holds a seat never changes.
	if err := s.opts.Backend.Look(func(v state.View) (err error) { c, err = v.Cluster(); return err }); err != nil {
		return err
	}
	who := callerOf(ctx)
	if !slices.ContainsFunc(c.Nodes, func(n catalog.Node) bool { return bytes.Equal(n.Operator, who.Key) }) {
		return wire.NewProblem(http.StatusForbidden, wire.KindForbidden, "a backup has the whole ledger, and "+who.Name+" has no seat in the cluster").
			Advising("use the key of the operator of a seat (--key)")
	}
	if s.opts.Backups == nil {
		return errNoBackups
	}
	return nil
}

func prepareBackup(ctx context.Context, s *server, _ *nothing) (*reply[wire.Backup], error) {
	if err := s.seated(ctx); err != nil {
		return nil, err
	}
	b, err := s.opts.Backups.Prepare(ctx)
	return &reply[wire.Backup]{b}, err
}

type byDigest struct {
	Digest string `path:"digest" doc:"SHA-256 in hexadecimal"`
}

// seatedDigest is the digest that the operator of a seat asks for.
func (s *server) seatedDigest(ctx context.Context, in *byDigest) (catalog.Digest, error) {
	d, err := catalog.ParseDigest(in.Digest)
	if err != nil {
		return d, badRequest(err.Error())
	}
	return d, s.seated(ctx)
}

func backupPart(ctx context.Context, s *server, in *byDigest) (*blob, error) {
	d, err := s.seatedDigest(ctx, in)
	if err != nil {
		return nil, err
	}
	b, err := s.opts.Backups.Part(ctx, d)
	return newBlob(d, b), err
}

func backupBlob(ctx context.Context, s *server, in *byDigest) (*blob, error) {
	d, err := s.seatedDigest(ctx, in)
	if err != nil {
		return nil, err
	}
	b, err := s.opts.Blobs.Get(ctx, d)
	return newBlob(d, b), err
}

func restores(_ context.Context, v state.View, _ *nothing) (out wire.Restores, err error) {
	out.Restores, err = v.Restores()
	return out, err
}

func listDeposits(_ context.Context, v state.View, in *Paged) (out wire.Deposits, err error) {
	list, next, err := v.Deposits().Page(in.page())
	if err != nil {
		return out, err
	}
	standings, err := v.Deposits().Standings(list...)
	if err != nil {
		return out, err
	}
	out.Next, out.Deposits = next, make([]wire.Deposit, len(list))
	for i, d := range list {
		out.Deposits[i] = wire.Deposit{Deposit: d, Standing: standings[i]}
	}
	return out, nil
}

type noteShown struct{ Body wire.Note }

func presentNote(ctx context.Context, s *server, in *noteShown) (*reply[wire.Note], error) {
	if s.opts.Backups == nil {
		return nil, errNoBackups
	}
	if err := s.opts.Backups.Present(ctx, []byte(in.Body.Note)); err != nil {
		return nil, err
	}
	return &reply[wire.Note]{}, nil
}
