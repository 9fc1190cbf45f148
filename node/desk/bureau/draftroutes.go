package bureau

import (
	"context"
	"net/http"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

func (b *Bureau) draftRoutes() []route.Route {
	return []route.Route{
		route.New("GET", "/api/drafts", "Publications that were begun here since the desk was started", route.Reads, b.listDrafts),
		route.New("POST", "/api/drafts", "Begin a publication", route.Changes, b.beginDraft),
		route.New("GET", "/api/drafts/{id}", "How far a publication is; held until it is further than seen", route.Reads, b.draft),
		route.New("POST", "/api/drafts/{id}/drop", "Give a publication up, and remove its files from this machine", route.Changes, b.dropDraft),
		route.New("POST", "/api/drafts/{id}/files", "A part of a file that was dropped; it stays on this machine", route.Changes, b.part).
			WithBody(maxPart/3*4 + 4096), // base64
		route.New("POST", "/api/drafts/{id}/files/remove", "Take a file away", route.Changes, b.removeFile),
		route.New("POST", "/api/drafts/{id}/mends", "Put other texts into cells, or leave rows out; the files stay as they are", route.Changes, b.mend).WithBody(4 << 20),
		route.New("POST", "/api/drafts/{id}/unmend", "Take all mends back", route.Changes, b.unmend),
		route.New("POST", "/api/drafts/{id}/describe", "Say what the columns are and what may be released", route.Changes, b.describe).WithBody(1 << 20),
		route.New("POST", "/api/drafts/{id}/check", "Do everything but publish", route.Changes, b.check),
		route.New("POST", "/api/drafts/{id}/publish", "Sign, encrypt and publish what was checked", route.Changes, b.publish),
	}
}

// Drafts answers GET /api/drafts.
type Drafts struct {
	Drafts []DraftLine `json:"drafts"`
}

func (b *Bureau) listDrafts(context.Context, none) (Drafts, error) {
	return Drafts{b.drafts.all()}, nil
}

// Nothing is a body that says nothing.
type Nothing struct{}

// begun is the input of a route that begins something.
type begun struct{ Body Nothing }

// bare is the id of something to be done something with.
type bare struct {
	ID   string `path:"id"`
	Body Nothing
}

func (b *Bureau) beginDraft(_ context.Context, _ begun) (Draft, error) {
	if _, err := b.client.Principal(); err != nil {
		return Draft{}, err
	}
	return b.drafts.begin(b.client.Now())
}

// awaited is a draft, and what of it was seen.
type awaited struct {
	ID   string `path:"id"`
	Seen int    `query:"seen" doc:"The field seen of the draft as it is known; absent: answer at once"`
}

func (b *Bureau) draft(ctx context.Context, in awaited) (Draft, error) {
	if in.Seen == 0 {
		in.Seen = -1
	}
	return b.drafts.await(ctx, in.ID, in.Seen)
}

func (b *Bureau) dropDraft(_ context.Context, in bare) (Draft, error) { return b.drafts.drop(in.ID) }

func (b *Bureau) part(ctx context.Context, in struct {
	ID   string `path:"id"`
	Body Part
}) (Draft, error) {
	return b.drafts.receive(ctx, in.ID, in.Body)
}

// FileName names a file that was dropped.
type FileName struct {
	Name string `json:"name"`
}

func (b *Bureau) removeFile(_ context.Context, in struct {
	ID   string `path:"id"`
	Body FileName
}) (Draft, error) {
	return b.drafts.takeAway(in.ID, in.Body.Name)
}

// Mending has mends of cells.
type Mending struct {
	Mends []Mend `json:"mends"`
}

func (b *Bureau) mend(_ context.Context, in struct {
	ID   string `path:"id"`
	Body Mending
}) (Draft, error) {
	return b.drafts.mend(in.ID, in.Body.Mends)
}

func (b *Bureau) unmend(_ context.Context, in bare) (Draft, error) { return b.drafts.unmend(in.ID) }

func (b *Bureau) check(_ context.Context, in bare) (Draft, error) {
	return b.drafts.start(in.ID, WorkCheck)
}

func (b *Bureau) publish(_ context.Context, in bare) (Draft, error) {
	return b.drafts.start(in.ID, WorkPublish)
}

func (b *Bureau) describe(ctx context.Context, in struct {
	ID   string `path:"id"`
	Body Described
}) (Draft, error) {
	if in.Body.Dataset != nil {
		return b.asBefore(ctx, in.ID, *in.Body.Dataset, in.Body.Append)
	}
	out, err := b.drafts.change(in.ID, func(d *draft) error { return d.describe(in.Body) })
	if err != nil {
		return out, err
	}
	return b.attributes(ctx, in.ID)
}

// attributes reads the columns of the registry that a draft's descriptor names.
func (b *Bureau) attributes(ctx context.Context, id string) (Draft, error) {
	var registry string
	out, err := b.drafts.change(id, func(d *draft) error {
		if d.source != nil {
			registry = d.source.Registry
		}
		return nil
	})
	if err != nil || registry == "" {
		return out, err
	}
	r, err := b.client.Registry(ctx, registry)
	if err != nil {
		return out, err
	}
	return b.drafts.change(id, func(d *draft) error {
		if d.source != nil && d.source.Registry == registry {
			d.columns = r.Columns
			d.take(d.source)
		}
		return nil
	})
}

// asBefore has the files read as those of a dataset were last.
func (b *Bureau) asBefore(ctx context.Context, id, dataset string, more bool) (Draft, error) {
	if _, err := b.own(ctx, dataset); err != nil {
		return Draft{}, err
	}
	src, err := publish.LastSource(b.client, dataset)
	if err == nil && src == nil {
		err = wire.NewProblem(http.StatusConflict, KindData, "this machine has not published dataset "+dataset+", and does not know how its files are read").
			Advising("drop its descriptor beside the files")
	}
	if err != nil {
		return Draft{}, err
	}
	return b.drafts.change(id, func(d *draft) error {
		return d.readAs(src, dataset, more)
	})
}

// readAs has the files read by what is known.
func (d *draft) readAs(src *panel.Source, dataset string, more bool) error {
	d.Dataset, d.Append, d.Descriptor, d.Faults, d.Wrong = dataset, more, "", nil, []DescriptorFault{}
	d.take(src)
	d.Fields = nil // the policy is the dataset's
	return nil
}
