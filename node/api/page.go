package api

import (
	"cmp"
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/node/api/wire"
)

// Paged is the parameters of a list. A page costs what it holds, however long the list.
type Paged struct {
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Most records of the page; it ends earlier where they are large"`
	After string `query:"after" maxLength:"300" doc:"What next was on the page before; absent: the list's beginning"`
}

func (p Paged) page() records.Page {
	return records.Page{After: p.After, Limit: cmp.Or(p.Limit, wire.DefaultPage)}
}

// Dated is the parameters of a list that grows in the order of time.
type Dated struct {
	Paged
	Newest bool `query:"newest" doc:"The newest first"`
}

func (p Dated) page() records.Page {
	out := p.Paged.page()
	out.Newest = p.Newest
	return out
}

// paged is a page as it is answered: an empty one is an empty array.
func paged[T any](all []T, next string, err error) ([]T, string, error) {
	return append([]T{}, all...), next, err
}

// party is whose orders and contracts the caller may list: its own, and everybody's
// for an operator.
func party(ctx context.Context) string {
	caller := callerOf(ctx)
	if caller.Role == catalog.RoleOperator {
		return ""
	}
	return caller.ID
}
