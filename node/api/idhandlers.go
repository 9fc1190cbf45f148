package api

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

type byBeginning struct {
	Begin string `path:"begin" maxLength:"80" doc:"A letter, a hyphen, and eight or more hexadecimal digits"`
}

// listIDs finds what the caller may see by the beginning of its id.
func listIDs(ctx context.Context, s *server, in *byBeginning) (*reply[wire.IDs], error) {
	out := &reply[wire.IDs]{Body: wire.IDs{IDs: []string{}}}
	err := s.opts.Backend.Read(ctx, func(v state.View) error {
		letter := in.Begin[:min(2, len(in.Begin))]
		return v.EachID(letter, in.Begin, func(id string) (bool, error) {
			sees, err := maySee(ctx, v, letter, id)
			if err != nil || !sees {
				return true, err
			}
			if out.Body.More = len(out.Body.IDs) == wire.MaxIDs; out.Body.More {
				return false, nil
			}
			out.Body.IDs = append(out.Body.IDs, id)
			return true, nil
		})
	})
	return out, found(err, "id that begins with", in.Begin)
}

// maySee reports whether the caller may read what has the id.
func maySee(ctx context.Context, v state.View, letter, id string) (bool, error) {
	caller := callerOf(ctx)
	switch letter {
	case catalog.LetterOrder:
		o, err := v.Order(id)
		if err != nil {
			return false, err
		}
		parties, err := orderParties(v, o)
		return err == nil && mayRead(caller, parties...), err
	case catalog.LetterContract:
		k, err := v.Contract(id)
		return err == nil && mayRead(caller, k.Buyer, k.Publisher), err
	case catalog.LetterQuery:
		q, err := v.Query(id)
		return err == nil && owns(ctx, q), err
	case catalog.LetterVector:
		x, err := v.Vector(id)
		return err == nil && caller.ID != "" && x.Owner == caller.ID, err
	}
	return mayRead(caller, id), nil // a principal
}
