package api

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

type byAmended struct {
	ByID
	Amended int `path:"amended" minimum:"0" doc:"Amendments before it"`
}

// showDescriptor tells what versions, verdicts and orders of then were made by.
func showDescriptor(ctx context.Context, s *server, in *byAmended) (*reply[catalog.Descriptor], error) {
	out := new(reply[catalog.Descriptor])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		d, err := find(v.Dataset, "dataset", in.ID)
		if err != nil {
			return err
		}
		if out.Body, err = v.Descriptor(d, in.Amended); err != nil {
			return found(err, "descriptor of dataset "+d.ID, fmt.Sprintf("after %d amendments", in.Amended))
		}
		return nil
	})
}

type statePage struct {
	ByID
	Dated
}

func listRegistryStates(ctx context.Context, s *server, in *statePage) (*reply[wire.RegistryStates], error) {
	out := &reply[wire.RegistryStates]{Body: wire.RegistryStates{Registry: in.ID}}
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		if _, err := find(v.Registry, "registry", in.ID); err != nil {
			return err
		}
		read := func(p records.Page) ([]catalog.RegistryState, string, error) { return v.RegistryStatePage(in.ID, p) }
		return paged(read, in.page(), &out.Body.States, &out.Body.More)
	})
}
