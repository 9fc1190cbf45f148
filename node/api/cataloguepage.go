package api

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/dcat"
)

// PagedIn is the parameters of a part of a list that is for people.
type PagedIn struct {
	Paged
	AcceptLanguage string `header:"Accept-Language" doc:"Chinese or English; absent: English"`
}

// catalogPage is the catalog as a page of HTML, with what a browser may do with it: show it.
type catalogPage struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Options     string `header:"X-Content-Type-Options"`
	Referrer    string `header:"Referrer-Policy"`
	Vary        string `header:"Vary"`
	Body        []byte
}

// catalogHTML answers with a page for who has no program of ours. It is made of what /v1/catalog is made of.
func catalogHTML(ctx context.Context, s *server, in *PagedIn) (*catalogPage, error) {
	b, err := look(ctx, s, func(v state.View) ([]byte, error) {
		return catalogAs(v, &in.Paged, func(cluster catalog.Cluster, all []dcat.Listing, part dcat.Part) ([]byte, error) {
			return dcat.Page(cluster, all, part, dcat.Language(in.AcceptLanguage))
		})
	})
	return &catalogPage{"text/html; charset=utf-8", dcat.PagePolicy, "nosniff", "no-referrer", "Accept-Language", b}, err
}
